"""What became of one thing that a run had left on its target."""

from dataclasses import dataclass
from enum import StrEnum

from gauntlet.scenarios.adapters.base import Removed


class Status(StrEnum):
    """How an attempt to remove something has ended."""

    REMOVED = "removed"
    ABSENT = "absent"  # there was nothing, or nothing any more
    KEPT = "kept"  # the adapter cannot remove it, or must not
    FAILED = "failed"
    PLANNED = "planned"  # nothing was attempted


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one removal: `count` is how many things it has removed."""

    kind: str
    name: str
    user: str
    status: Status
    count: int = 0
    reason: str = ""


def of_answer(kind: str, name: str, user: str, answer: Removed | None, error: str) -> Outcome:
    """Return the outcome of a call; `error` is why there may be no answer."""
    if answer is None:
        return Outcome(kind, name, user, Status.FAILED, 0, error)
    if answer.problem:
        return Outcome(kind, name, user, Status.FAILED, answer.count, answer.problem)
    if answer.kept:
        return Outcome(kind, name, user, Status.KEPT, answer.count, answer.kept)
    status = Status.REMOVED if answer.count else Status.ABSENT
    return Outcome(kind, name, user, status, answer.count)
