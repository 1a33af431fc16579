import ast
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import suite
from suite.provenance import (
    NUMERIC_LIBRARIES,
    NUMERIC_SOURCES,
    code_hash,
    hash_sources,
    machine,
    provenance,
    versions,
)

PACKAGE = Path(suite.__file__).parent
# Modules that numeric code may import although they make no numbers.
WITHOUT_NUMBERS = {"suite.errors"}


@pytest.fixture
def package(tmp_path):
    for name in ("trial.py", "cli.py", "parts/activations.py", "training/cohort.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x = 1\n")
    return tmp_path


LIBRARIES = {"torch": "2.13.0", "numpy": "2.4.6"}


def test_the_hash_depends_on_what_makes_numbers(package):
    before = hash_sources(package, LIBRARIES)
    assert len(before) == 16
    assert int(before, 16) >= 0
    assert hash_sources(package, dict(reversed(LIBRARIES.items()))) == before
    assert hash_sources(package, LIBRARIES | {"torch": "2.13.0+cpu"}) == before
    assert hash_sources(package, LIBRARIES | {"torch": "2.14.0"}) != before
    (package / "parts" / "activations.py").write_text("x = 2\n")
    assert hash_sources(package, LIBRARIES) != before


def test_the_hash_does_not_depend_on_anything_else(package):
    before = hash_sources(package, LIBRARIES)
    (package / "cli.py").write_text("x = 2\n")
    cache = package / "parts" / "__pycache__"
    cache.mkdir()
    (cache / "activations.pyc").write_bytes(b"\0")
    assert hash_sources(package, LIBRARIES) == before


def test_moving_code_between_files_changes_the_hash(package):
    before = hash_sources(package, LIBRARIES)
    (package / "parts" / "activations.py").rename(package / "parts" / "others.py")
    assert hash_sources(package, LIBRARIES) != before


def numeric_files():
    for name in NUMERIC_SOURCES:
        path = PACKAGE / name
        yield from [path] if path.is_file() else path.rglob("*.py")


@pytest.mark.parametrize(
    "path", sorted(numeric_files()), ids=lambda p: p.relative_to(PACKAGE).as_posix()
)
def test_numeric_code_imports_only_what_the_hash_covers(path):
    roots = {f"suite.{name.removesuffix('.py')}" for name in NUMERIC_SOURCES} | WITHOUT_NUMBERS
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            if module and module.startswith("suite."):
                assert ".".join(module.split(".")[:2]) in roots


def test_versions_are_read_without_importing_the_libraries():
    assert versions() == {name: version(name) for name in NUMERIC_LIBRARIES}
    code = "import sys; from suite.provenance import provenance; provenance('d', 'i');"
    code += "print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_provenance_names_code_machine_and_versions():
    facts = provenance("d" * 16, "invocation")
    assert facts.code_hash == code_hash()
    assert facts.machine == machine()
    assert machine().startswith(platform.machine())
    assert facts.torch_version == version("torch")
    assert facts.python_version == platform.python_version()
