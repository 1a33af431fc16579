"""From names of experiments to a report: chosen, run, mirrored, judged and reported."""

from suite.benchmark.ending import print_verdicts
from suite.benchmark.machine import check_directory, default_workers, find_device
from suite.benchmark.preview import plan
from suite.benchmark.reporting import Report
from suite.benchmark.running import prepare, run, run_experiment
from suite.benchmark.selection import Selection, select

__all__ = [
    "Report",
    "Selection",
    "check_directory",
    "default_workers",
    "find_device",
    "plan",
    "prepare",
    "print_verdicts",
    "run",
    "run_experiment",
    "select",
]
