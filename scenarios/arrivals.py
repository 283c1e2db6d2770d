"""Open-model arrivals: the intended times of sends, which wait for nobody.

A schedule is an endless-looking iterator of offsets in nanoseconds from its start. Worker `k` of
`W` owns its stripe of the whole, so that more workers change who sends, not how much is sent.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from gauntlet.kernel.clock import NS_PER_S


class Stripe(NamedTuple):
    """Which part of the arrivals a worker owns."""

    worker: int = 0
    workers: int = 1


def constant(rate_per_s: float, length_s: float, stripe: Stripe, _seed: int) -> Iterator[int]:
    """Evenly spaced arrivals: number `i` at `i / rate`, of which a worker owns every W-th."""
    index = stripe.worker
    end_ns = length_s * NS_PER_S
    while (offset_ns := index * NS_PER_S / rate_per_s) < end_ns:
        yield int(offset_ns)
        index += stripe.workers


def poisson(rate_per_s: float, length_s: float, stripe: Stripe, seed: int) -> Iterator[int]:
    """Independent arrivals: exponential gaps at `rate / W`, another stream for each worker."""
    rng = random.Random(f"arrivals/{seed}/{stripe.worker}")
    own_rate = rate_per_s / stripe.workers
    offset_s = rng.expovariate(own_rate)
    while offset_s < length_s:
        yield int(offset_s * NS_PER_S)
        offset_s += rng.expovariate(own_rate)


SCHEDULES: dict[str, Callable[[float, float, Stripe, int], Iterator[int]]] = {
    "constant": constant,
    "poisson": poisson,
}
