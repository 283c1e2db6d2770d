"""Turns what the rows of a damaged run directory raise into one HistoryError.

Such a row is valid JSON, but lacks a key or has a value of another type: something else than this
program has written or changed it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gauntlet.core.errors import HistoryError

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
def as_history_error(paths: Iterable[Path], done: str) -> Iterator[None]:
    """Raise HistoryError for damage in run directories; `done` is, for example, "judged"."""
    try:
        yield
    except DAMAGE as error:
        subject = " and ".join(map(str, paths))
        raise HistoryError(
            f"{subject} cannot be {done}, because a row lacks something or has another type than "
            f"expected ({type(error).__name__}: {str(error)[:200]})"
        ) from error
