"""The process beside the workers: it does what it is told, can die, and is not left behind."""

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest
import torch

from suite.execution.one_process import OneProcessExecutor


def about_itself():
    return os.getpid(), torch.get_num_threads(), signal.getsignal(signal.SIGINT)


def test_a_helper_is_one_process_with_one_thread_and_ends_when_closed():
    with OneProcessExecutor() as helper:
        first, *rest = helper.submit(about_itself).result()
        assert rest == [1, signal.SIG_IGN]
        assert helper.submit(about_itself).result()[0] == first != os.getpid()
    assert not psutil.pid_exists(first)


def test_a_helper_that_dies_says_so_and_is_replaced():
    with OneProcessExecutor() as helper:
        first, *_ = helper.submit(about_itself).result()
        with pytest.raises(BrokenProcessPool):
            helper.submit(os._exit, 1).result()
        second, *_ = helper.submit(about_itself).result()
        assert second != first


def test_a_helper_that_nobody_asks_starts_nothing():
    before = psutil.Process().children()
    with OneProcessExecutor():
        assert psutil.Process().children() == before
