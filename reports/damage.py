"""What rows of a run directory raise that are valid JSON, but were not written by this program."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir

DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
    RecursionError,
)


@contextmanager
def as_history_error(run: RunDir, done: str) -> Iterator[None]:
    """Raise HistoryError for damage; `done` says what cannot be done, such as "judged"."""
    try:
        yield
    except DAMAGE as error:
        raise HistoryError(
            f"{run.path} cannot be {done}, because a row lacks something or has another type than "
            f"expected ({type(error).__name__}: {str(error)[:200]})"
        ) from error
