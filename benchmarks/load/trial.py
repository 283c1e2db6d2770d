"""One trial: what a generator spends while an echo counts."""

import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.load import ours, rivals
from benchmarks.load.target import Target
from benchmarks.load.tree import Tree
from benchmarks.peers import Peer

SETTLE_S = 1.0  # from the first message to the window: caches, buffers, the first of everything
BUSY_SHARE = 0.75  # of the generator's core
BUSY_WITHIN = 0.05
START_RATE = 2000.0
SEARCH_S = 1.5
SEARCHES = 6


class Spent(NamedTuple):
    """CPU per round trip of the generator's whole tree, and round trips per second."""

    cpu_us: float
    per_s: float

    @property
    def share(self) -> float:
        """Of one core."""
        return self.cpu_us * self.per_s / 1e6


class Checked(NamedTuple):
    """A trial of ours, which also says what became of every message."""

    spent: Spent
    missing: int
    lag_p99_ms: float


def window(target: Target, tree: Tree, seconds: float) -> Spent:
    """What is spent while the echo counts, beginning now."""
    began_s, before, spent_s = time.monotonic(), target.count().messages, tree.cpu_s()
    time.sleep(seconds)
    messages, spent_s = target.count().messages - before, tree.cpu_s() - spent_s
    took_s = time.monotonic() - began_s
    return Spent(1e6 * spent_s / max(1, messages), messages / took_s)


def of_ours(
    target: Target, users: int, rate: float, seconds: float, through: ours.Through
) -> Checked:
    """Our engine at a rate, open model: history, histograms and ledger on, all accounted for."""
    plan = ours.Plan((target.url,), users, rate, SETTLE_S + seconds + 0.5, through=through)
    with ours.load(plan) as load:
        load.wait_for("steady", ours.BOOT_S)
        time.sleep(SETTLE_S)
        spent = window(target, load.tree, seconds)
        line = load.finish()
        missing = line["ops"] - line["presented"]
        return Checked(spent, missing, load.percentile_ms("lag", 0.99))


def of_peer(peer: Peer, target: Target, connections: int, pace_s: float, seconds: float) -> Spent:
    """A peer, as fast as it can where `pace_s` is 0; RuntimeError where it does not run."""
    own_s = rivals.BOOT_S + SETTLE_S + seconds
    with rivals.rival(peer, target, connections, pace_s, own_s) as running:
        running.wait_connected(target)
        time.sleep(SETTLE_S)
        return window(target, running.tree, seconds)


def busy_rate(spent_at: Callable[[float], Spent]) -> float:
    """The rate at which a generator uses about `BUSY_SHARE` of its core.

    Flat out says nothing of an open load: beyond what the core can do its arrivals only queue.
    Messages cost less where there are more at a time, hence the steps. Of two windows at a rate
    the cheaper counts: what the machine does beside us only adds, and once set the rate too low.
    """
    shares: dict[float, float] = {}
    rate = START_RATE
    for _ in range(SEARCHES):
        spent = min(spent_at(rate), spent_at(rate), key=lambda each: each.cpu_us)
        shares[rate] = spent.share
        if abs(spent.share - BUSY_SHARE) <= BUSY_WITHIN:
            break
        rate = BUSY_SHARE * 1e6 / spent.cpu_us
    return min(shares, key=lambda tried: abs(shares[tried] - BUSY_SHARE))
