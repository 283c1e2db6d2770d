"""The search for the highest rate that is held: up, down, and then between."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.progress import print_progress

STEP = 1.2
RESOLUTION = 1.1  # the search ends when two rates differ by a smaller factor
ATTEMPTS = 2  # per failed rate, because a shared machine may be disturbed once
TRIALS = 9


@dataclass(frozen=True)
class RateTrial(ABC):
    """What happened at one rate, in messages per second."""

    rate: float
    lost: int
    lag_p99_ms: float

    @property
    @abstractmethod
    def held(self) -> bool:
        """Whether the rate was sustained; each benchmark says what that means."""

    def __str__(self) -> str:
        return f"{self.rate:.0f}/s: {self.lost} lost, lag p99 {self.lag_p99_ms:.1f} ms"


class Found(NamedTuple):
    """The highest rate that was held, and the lowest that no attempt held, if there are such."""

    best: RateTrial | None
    failed: RateTrial | None

    @property
    def held_text(self) -> str:
        """What the table shows as measured."""
        return str(self.best) if self.best else f"none held; {self.failed}"

    @property
    def failed_text(self) -> str:
        """What the table shows beside it."""
        return f"not held: {self.failed}" if self.best and self.failed else ""

    def reached(self, target_per_s: float) -> bool:
        """Whether the target was held."""
        return self.best is not None and self.best.rate >= target_per_s


def search(start_per_s: float, try_rate: Callable[[float], RateTrial]) -> Found:
    """Try rates, beginning with this one, until two neighbours are close enough."""
    trials: list[RateTrial] = []
    while (rate := next_rate(start_per_s, trials)) is not None:
        trials.append(try_rate(rate))
        print_progress(f"  {trials[-1]}")
    return Found(_highest_held(trials), _lowest_failed(trials))


def next_rate(start_per_s: float, trials: Sequence[RateTrial]) -> float | None:
    """Return the next rate: up while held, down while not, then between; None at the end."""
    if not trials:
        return start_per_s
    if len(trials) == TRIALS:
        return None
    last = trials[-1]
    if not last.held and [trial.rate for trial in trials].count(last.rate) < ATTEMPTS:
        return last.rate
    held, failed = _highest_held(trials), _lowest_failed(trials)
    if held is None or failed is None:
        return last.rate * STEP if held else last.rate / STEP
    return math.sqrt(held.rate * failed.rate) if failed.rate / held.rate > RESOLUTION else None


def _highest_held(trials: Sequence[RateTrial]) -> RateTrial | None:
    held = [trial for trial in trials if trial.held]
    return max(held, key=lambda trial: trial.rate, default=None)


def _lowest_failed(trials: Sequence[RateTrial]) -> RateTrial | None:
    """Return the lowest rate that no attempt held."""
    held = {trial.rate for trial in trials if trial.held}
    failed = [trial for trial in trials if trial.rate not in held]
    return min(failed, key=lambda trial: trial.rate, default=None)
