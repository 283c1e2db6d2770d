"""Finds the fewest items of a list with which something still fails. Pure.

The algorithm is delta debugging, limited to a number of attempts: Zeller and Hildebrandt,
"Simplifying and isolating failure-inducing input", IEEE Transactions on Software Engineering 28(2),
2002.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Smallest(NamedTuple, Generic[T]):
    """The result: `minimal` if no item can be left out, false if the attempts were used up."""

    items: tuple[T, ...]
    attempts: int
    minimal: bool


class _NoAttemptLeft(Exception):
    """Ends the search; it is no error."""


def shrink(
    items: Sequence[T], fails: Callable[[tuple[T, ...]], bool], attempts: int
) -> Smallest[T]:
    """Return the smallest failing subset that was found, in the order of `items`.

    `items` as a whole must fail. `fails` is called at most `attempts` times, each time with another
    subset, the empty one first. A subset that fails only sometimes may be kept larger than needed;
    what is returned has failed.
    """
    search = _Search(fails, attempts)
    best = tuple(items)
    try:
        if search.fails(()):
            return Smallest((), search.used, minimal=True)
        parts = 2
        while len(best) >= 2:
            smaller = next(
                (subset for subset in _subsets(best, parts) if search.fails(subset)), None
            )
            if smaller is not None:
                parts = 2 if len(smaller) <= -(-len(best) // parts) else max(parts - 1, 2)
                best = smaller
            elif parts < len(best):
                parts = min(2 * parts, len(best))
            else:
                break
    except _NoAttemptLeft:
        return Smallest(best, search.used, minimal=False)
    return Smallest(best, search.used, minimal=True)


class _Search(Generic[T]):
    """Counts the attempts, and remembers what passed."""

    def __init__(self, fails: Callable[[tuple[T, ...]], bool], attempts: int) -> None:
        self._fails = fails
        self._attempts = attempts
        self._passed: list[tuple[T, ...]] = []
        self.used = 0

    def fails(self, subset: tuple[T, ...]) -> bool:
        if subset in self._passed:
            return False
        if self.used >= self._attempts:
            raise _NoAttemptLeft
        self.used += 1
        failed = self._fails(subset)
        if not failed:
            self._passed.append(subset)
        return failed


def _subsets(items: tuple[T, ...], parts: int) -> list[tuple[T, ...]]:
    """Return each of the parts of `items`, then what is left without each part."""
    bounds = [len(items) * number // parts for number in range(parts + 1)]
    ranges = list(itertools.pairwise(bounds))
    pieces = [items[begin:end] for begin, end in ranges]
    rests = [items[:begin] + items[end:] for begin, end in ranges] if parts > 2 else []
    return pieces + rests
