"""Ctrl-C while training: held back where processes start, put off where it would be lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

# Seconds until it is looked again whether an interrupt that was put off can be raised.
_AGAIN = 0.05

# Their destructors and their callbacks from native code print what is raised in them and forget
# it, and leave LLVM's lock as it was.
_COMPILERS = frozenset({"llvmlite", "numba"})
# So do the callbacks by which importlib gives its locks up, whose names depend on the version.
_IMPORTLIB, _CALLBACKS = "<frozen importlib._bootstrap>", frozenset({"cb", "remove"})


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, so that processes started meanwhile are deaf to it from the beginning."""
    # Started by the first worker, it would let Ctrl-C through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Put an interrupt off that would be lost where it comes, such as while a kernel is compiled.

    A second one is raised at once. Signals are the main thread's, and the timer is POSIX's:
    elsewhere the block runs as it is.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return
    handlers = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(handler := signal.getsignal(number))
    }
    waiting: list[int] = []

    def arrive(number: int, frame: FrameType | None) -> None:
        if waiting or not _loses(frame):
            handlers[signal.Signals(number)](number, frame)
        else:
            waiting.append(number)
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)

    def look_again(_number: int, frame: FrameType | None) -> None:
        if _loses(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        elif waiting:
            first = waiting.pop()
            handlers[signal.Signals(first)](first, frame)

    alarm = signal.signal(signal.SIGALRM, look_again)
    for number in handlers:
        signal.signal(number, arrive)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.signal(signal.SIGALRM, alarm)
    if waiting:
        handlers[signal.Signals(waiting[0])](waiting[0], None)


def _loses(frame: FrameType | None) -> bool:
    while frame is not None:
        package, code = frame.f_globals.get("__name__", "").partition(".")[0], frame.f_code
        if package in _COMPILERS:
            return True
        if code.co_filename == _IMPORTLIB and code.co_name in _CALLBACKS:
            return True
        frame = frame.f_back
    return False
