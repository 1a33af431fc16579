"""What a measurement came from: the code that makes numbers, library versions, the machine."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from suite import __version__

# What decides a measurement's numbers; everything else may change without a retraining.
NUMERIC_SOURCES = (
    *("trial.py", "randomness.py", "pictures.py"),
    *("parts", "data", "training", "classical"),
)
NUMERIC_LIBRARIES = (
    *("torch", "numpy", "numba", "scipy", "scikit-image", "scikit-learn"),
    *("mlxtend", "mnist1d", "wordfreq"),
)

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a cohort's measurements come from.

    Attributes:
        code_hash: hash of the code that makes numbers.
        data_hash: hash of the data set.
        invocation: id of the run that trained them.
        leadline_version: version of this package.
        torch_version: version of torch, with its build.
        python_version: version of Python.
        machine: architecture and processor model.
    """

    code_hash: str
    data_hash: str
    invocation: str
    leadline_version: str
    torch_version: str
    python_version: str
    machine: str


def provenance(data_hash: str, invocation: str) -> Provenance:
    """The provenance of what this process measures now on one data set."""
    return Provenance(
        code_hash=code_hash(),
        data_hash=data_hash,
        invocation=invocation,
        leadline_version=__version__,
        torch_version=versions()["torch"],
        python_version=platform.python_version(),
        machine=machine(),
    )


@cache
def code_hash() -> str:
    """Sixteen hexadecimal digits over the sources and library versions that make numbers."""
    return hash_sources(_PACKAGE, versions())


def hash_sources(package: Path, library_versions: Mapping[str, str]) -> str:
    """SHA-256, cut to sixteen digits, of a package's numeric sources and library versions.

    A version's local part, such as +cpu, names a build of the same code and is left out.
    """
    sha = hashlib.sha256()
    for path in _sources(package):
        content = path.read_bytes()
        sha.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    for name, release in sorted(library_versions.items()):
        sha.update(f"{name}=={release.partition('+')[0]}\n".encode())
    return sha.hexdigest()[:16]


def _sources(package: Path) -> list[Path]:
    found: set[Path] = set()
    for name in NUMERIC_SOURCES:
        path = package / name
        found |= {path} if path.is_file() else set(path.rglob("*.py"))
    return sorted(found, key=lambda path: path.relative_to(package).as_posix())


@cache
def versions() -> dict[str, str]:
    """Installed versions of the libraries that make numbers, read without importing them."""
    return {name: version(name) for name in NUMERIC_LIBRARIES}


@cache
def machine() -> str:
    """Architecture and processor model, such as 'x86_64 AMD EPYC 7B13'."""
    return f"{platform.machine()} {_processor()}".strip()


def _processor() -> str:
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
