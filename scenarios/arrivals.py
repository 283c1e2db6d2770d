"""Open-model arrivals: the intended times of sends, which wait for nobody.

A profile Λ(t) says how many sends are intended by `t`; a schedule is an endless-looking iterator of
offsets in nanoseconds from its start. Worker `k` of `W` owns its stripe of the whole, so that more
workers change who sends, not how much is sent.
"""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gauntlet.kernel.clock import NS_PER_S


class Stripe(NamedTuple):
    """Which part of the arrivals a worker owns."""

    worker: int = 0
    workers: int = 1


class Surge(NamedTuple):
    """From `start_s` to `end_s` the rate is `factor` times what it is otherwise."""

    start_s: float
    end_s: float
    factor: float


class Profile:
    """Arrivals at `rate_per_s` for `length_s`, more of them in surges (which multiply)."""

    def __init__(self, rate_per_s: float, length_s: float, surges: Iterable[Surge] = ()) -> None:
        surges = tuple(surges)
        inner = {at for surge in surges for at in surge[:2] if 0 < at < length_s}
        self._pieces: list[tuple[float, float, float]] = []  # start, rate, sends before it
        sends = 0.0
        for start_s, end_s in itertools.pairwise([0.0, *sorted(inner), length_s]):
            rate = rate_per_s
            for surge in surges:
                rate *= surge.factor if surge.start_s <= start_s < surge.end_s else 1
            self._pieces.append((start_s, rate, sends))
            sends += rate * (end_s - start_s)
        self.sends = sends

    def times_ns(self, ordered: Iterable[float]) -> Iterator[int]:
        """When each of these ascending numbers of sends is reached; ends with the profile."""
        pieces = iter(self._pieces)
        start_s, rate, before = next(pieces)
        following = next(pieces, None)
        for number in ordered:
            if number >= self.sends:
                return
            while following is not None and number >= following[2]:
                start_s, rate, before = following
                following = next(pieces, None)
            yield int((start_s + (number - before) / rate) * NS_PER_S)


def constant(profile: Profile, stripe: Stripe, _seed: int) -> Iterator[int]:
    """Evenly spaced arrivals: number `i` when `i` sends are due; a worker owns every W-th."""
    return profile.times_ns(itertools.count(stripe.worker, stripe.workers))


def poisson(profile: Profile, stripe: Stripe, seed: int) -> Iterator[int]:
    """Independent arrivals: each worker's is a Poisson process of rate 1/W in Λ.

    The inverse of Λ turns it into one with the profile's rates (Çinlar, "Introduction to Stochastic
    Processes", 1975: time change of a Poisson process).
    """
    rng = random.Random(f"arrivals/{seed}/{stripe.worker}")
    gaps = (rng.expovariate(1 / stripe.workers) for _ in itertools.count())
    return profile.times_ns(itertools.accumulate(gaps))


SCHEDULES: dict[str, Callable[[Profile, Stripe, int], Iterator[int]]] = {
    "constant": constant,
    "poisson": poisson,
}
