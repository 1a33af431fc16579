"""One thread for everyone: libraries told so, the process held to one core where that works."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import psutil
import torch
from threadpoolctl import threadpool_limits

from suite.training.fitting import flushed_denormals

# Read by libraries as they are loaded. XLA's flag alone leaves it a pool of a thread a core, whose
# size NPROC sets.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
# For how long to look which core has least to do.
_LOOK_SECONDS = 0.2


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, each library computes on one thread; numbers too small count as zero for all."""
    with ExitStack() as stack:
        stack.enter_context(_environment(_ENVIRONMENT))
        stack.enter_context(_one_core())
        stack.enter_context(_one_torch_thread())
        stack.enter_context(threadpool_limits(1))
        stack.enter_context(flushed_denormals())
        yield


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _one_core() -> Iterator[None]:
    # Other systems don't let a process choose.
    if sys.platform != "linux":
        yield
        return
    allowed = os.sched_getaffinity(0)
    load = dict(enumerate(psutil.cpu_percent(_LOOK_SECONDS, percpu=True)))
    os.sched_setaffinity(0, {min(allowed, key=lambda core: load.get(core, 0.0))})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
