"""How far a benchmark is, for whoever waits."""

import sys


def say(text: str) -> None:
    """A line on standard error: the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)
