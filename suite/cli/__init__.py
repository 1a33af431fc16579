"""The command line: parse, call, print."""

from suite.cli.entry import INTERRUPTED, app, main

__all__ = ["INTERRUPTED", "app", "main"]
