"""How campaigns tell their progress while they last: line by line."""

from collections.abc import Callable

from gauntlet.core.printable import printable

Say = Callable[[str], None]


def say(text: str) -> None:
    """Print a line immediately, also into a pipe.

    It may contain what a system under test has answered, which must not control the terminal.
    """
    print(printable(text), flush=True)
