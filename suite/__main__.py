"""`python -m suite` is `leadline`."""

from suite.cli import main

main()
