"""One process beside the workers, for what can be made while this one does something else."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from loky import ProcessPoolExecutor

from suite.execution.interrupts import interrupts_held
from suite.execution.worker import start_worker

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class OneProcessExecutor(Executor):
    """A process that starts when it is first needed: one thread, deaf to Ctrl-C, as a worker is."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def submit(
        self,
        fn: Callable[_Arguments, _Result],
        /,
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> Future[_Result]:
        """Have the process call a function; one that died before is replaced."""
        with interrupts_held():
            try:
                return self._submit(fn, *args, **kwargs)
            except BrokenProcessPool:
                self.shutdown()
                return self._submit(fn, *args, **kwargs)

    def _submit(
        self,
        fn: Callable[_Arguments, _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> Future[_Result]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1, initializer=start_worker, initargs=(os.getpid(),)
            )
        future: Future[_Result] = self._pool.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Kill the process, whatever is asked for; what it was making is lost."""
        if self._pool is not None:
            self._pool.shutdown(wait=wait, kill_workers=True)
            self._pool = None
