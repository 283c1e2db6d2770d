"""Open-model arrivals: the intended times of sends, which do not depend on the system's answers.

A profile Λ(t) (`gauntlet.core.scenario.rate_profiles`) is the number of sends intended by time `t`.
A schedule turns it into an iterator of times, in nanoseconds from the start of the arrivals. Worker
`k` of `W` owns one stripe of the whole, so that the number of workers decides who sends, and never
how much is sent.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.rate_profiles import Piece, cut_at


class Stripe(NamedTuple):
    """The part of the arrivals that one worker owns: number `worker`, from 0, of `workers`."""

    worker: int = 0
    workers: int = 1


class Surge(NamedTuple):
    """A time in which the rate is `factor` times its usual value."""

    start_s: float
    end_s: float
    factor: float


def apply_surges(pieces: Iterable[Piece], surges: Iterable[Surge]) -> Iterator[Piece]:
    """Yield the pieces of a profile with the surges applied; overlapping surges multiply."""
    surges = tuple(surges)
    edges_s = {edge_s for surge in surges for edge_s in (surge.start_s, surge.end_s)}
    for piece in cut_at(pieces, edges_s):
        sends = piece.sends
        for surge in surges:
            sends *= surge.factor if surge.start_s <= piece.start_s < surge.end_s else 1
        yield piece._replace(sends=sends)


def times_ns(pieces: Iterable[Piece], counts: Iterable[float]) -> Iterator[int]:
    """Yield the time at which Λ reaches each of these ascending counts, up to the profile's end."""
    remaining = iter(counts)
    count = next(remaining, math.inf)
    before = 0.0
    for piece in pieces:
        start_s, length_s = piece.start_s, piece.end_s - piece.start_s
        after = before + piece.sends
        if piece.rise or not length_s:
            while count < after:
                part = piece.part_by((count - before) / piece.sends)
                yield int((start_s + part * length_s) * NS_PER_S)
                count = next(remaining, math.inf)
        else:
            rate_per_s = piece.sends / length_s
            while count < after:
                yield int((start_s + (count - before) / rate_per_s) * NS_PER_S)
                count = next(remaining, math.inf)
        before = after


def constant(pieces: Iterable[Piece], stripe: Stripe, _seed: int) -> Iterator[int]:
    """Yield evenly spaced arrivals: number `i` when Λ reaches `i`. A worker owns every W-th."""
    return times_ns(pieces, itertools.count(stripe.worker, stripe.workers))


def poisson(pieces: Iterable[Piece], stripe: Stripe, seed: int) -> Iterator[int]:
    """Yield independent arrivals: each worker's are a Poisson process of rate 1/W in Λ.

    The inverse of Λ turns it into a process with the rates of the profile (Çinlar, "Introduction to
    Stochastic Processes", 1975: time change of a Poisson process).
    """
    rng = random.Random(f"arrivals/{seed}/{stripe.worker}")
    return times_ns(pieces, itertools.accumulate(_gaps(rng, 1 / stripe.workers)))


def _gaps(rng: random.Random, rate: float) -> Iterator[float]:
    """Yield exponential gaps without end; a generator expression would be a list in mypyc."""
    while True:
        yield rng.expovariate(rate)


SCHEDULES: dict[str, Callable[[Iterable[Piece], Stripe, int], Iterator[int]]] = {
    "constant": constant,
    "poisson": poisson,
}
