"""Open-model arrivals: the intended times of sends, which wait for nobody.

A profile Λ(t) (`rate_profiles`) says how many sends are intended by `t`; a schedule is
an iterator of offsets in nanoseconds from its start. Worker `k` of `W` owns its stripe of the
whole, so that more workers change who sends, not how much is sent.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.rate_profiles import Piece, cut_at


class Stripe(NamedTuple):
    """Which part of the arrivals a worker owns."""

    worker: int = 0
    workers: int = 1


class Surge(NamedTuple):
    """From `start_s` to `end_s` the rate is `factor` times what it is otherwise."""

    start_s: float
    end_s: float
    factor: float


def surged(pieces: Iterable[Piece], surges: Iterable[Surge]) -> Iterator[Piece]:
    """A profile with more sends while surges last; where several do, they multiply."""
    surges = tuple(surges)
    edges_s = {at_s for surge in surges for at_s in (surge.start_s, surge.end_s)}
    for piece in cut_at(pieces, edges_s):
        sends = piece.sends
        for surge in surges:
            sends *= surge.factor if surge.start_s <= piece.start_s < surge.end_s else 1
        yield piece._replace(sends=sends)


def times_ns(pieces: Iterable[Piece], ordered: Iterable[float]) -> Iterator[int]:
    """When Λ reaches each of these ascending numbers; ends with the profile."""
    numbers = iter(ordered)
    number = next(numbers, math.inf)
    before = 0.0
    for piece in pieces:
        start_s, length_s = piece.start_s, piece.end_s - piece.start_s
        after = before + piece.sends
        if piece.rise or not length_s:
            while number < after:
                part = piece.part_by((number - before) / piece.sends)
                yield int((start_s + part * length_s) * NS_PER_S)
                number = next(numbers, math.inf)
        else:
            rate_per_s = piece.sends / length_s
            while number < after:
                yield int((start_s + (number - before) / rate_per_s) * NS_PER_S)
                number = next(numbers, math.inf)
        before = after


def constant(pieces: Iterable[Piece], stripe: Stripe, _seed: int) -> Iterator[int]:
    """Arrival number `i` when `i` sends are due, evenly spaced; a worker owns every W-th."""
    return times_ns(pieces, itertools.count(stripe.worker, stripe.workers))


def poisson(pieces: Iterable[Piece], stripe: Stripe, seed: int) -> Iterator[int]:
    """Independent arrivals: each worker's is a Poisson process of rate 1/W in Λ.

    The inverse of Λ turns it into one with the profile's rates (Çinlar, "Introduction to Stochastic
    Processes", 1975: time change of a Poisson process).
    """
    rng = random.Random(f"arrivals/{seed}/{stripe.worker}")
    gaps = (rng.expovariate(1 / stripe.workers) for _ in itertools.count())
    return times_ns(pieces, itertools.accumulate(gaps))


SCHEDULES: dict[str, Callable[[Iterable[Piece], Stripe, int], Iterator[int]]] = {
    "constant": constant,
    "poisson": poisson,
}
