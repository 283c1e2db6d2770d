"""Progress messages of a benchmark."""

import sys


def print_progress(text: str) -> None:
    """Print a line on stderr, because stdout is for the table alone."""
    print(text, file=sys.stderr, flush=True)
