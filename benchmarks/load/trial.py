"""One trial: the CPU time of a generator during a window, per message that the echo counts."""

import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.load import ours, rivals
from benchmarks.load.target import Target
from benchmarks.load.tree import Tree
from benchmarks.peers import Peer

SETTLE_S = 1.0  # from the first message to the window, for caches and buffers to fill
BUSY_SHARE = 0.75  # of the generator's core
BUSY_WITHIN = 0.05
START_RATE = 2000.0
SEARCH_S = 1.5
SEARCHES = 6


class Spent(NamedTuple):
    """CPU time per round trip of the generator's process tree, and round trips per second."""

    cpu_us: float
    per_s: float

    @property
    def share(self) -> float:
        """The share of one core."""
        return self.cpu_us * self.per_s / 1e6


class Checked(NamedTuple):
    """A trial of Gauntlet's engine, which also accounts for every message."""

    spent: Spent
    missing: int
    lag_p99_ms: float


def window(target: Target, tree: Tree, seconds: float) -> Spent:
    """Measure from now on for `seconds`."""
    began_s, before, spent_s = time.monotonic(), target.count().messages, tree.cpu_s()
    time.sleep(seconds)
    messages, spent_s = target.count().messages - before, tree.cpu_s() - spent_s
    took_s = time.monotonic() - began_s
    return Spent(1e6 * spent_s / max(1, messages), messages / took_s)


def of_ours(
    target: Target, users: int, rate: float, seconds: float, through: ours.Through
) -> Checked:
    """Measure Gauntlet's engine at a rate, in an open model with history, histograms and ledger."""
    plan = ours.Plan((target.url,), users, rate, SETTLE_S + seconds + 0.5, through=through)
    with ours.load(plan) as load:
        load.wait_for("steady", ours.BOOT_S)
        time.sleep(SETTLE_S)
        spent = window(target, load.tree, seconds)
        line = load.finish()
        missing = line["ops"] - line["presented"]
        return Checked(spent, missing, load.percentile_ms("lag", 0.99))


def of_peer(peer: Peer, target: Target, connections: int, pace_s: float, seconds: float) -> Spent:
    """Measure a peer, at full speed if `pace_s` is 0; RuntimeError if it does not run."""
    own_s = rivals.BOOT_S + SETTLE_S + seconds
    with rivals.rival(peer, target, connections, pace_s, own_s) as running:
        running.wait_connected(target)
        time.sleep(SETTLE_S)
        return window(target, running.tree, seconds)


def busy_rate(spent_at: Callable[[float], Spent]) -> float:
    """Return the rate at which a generator uses about `BUSY_SHARE` of its core.

    Full speed has no meaning in an open model: beyond the capacity of the core, arrivals only
    queue up. Messages cost less when more are handled at a time, therefore the search takes steps.
    Of two windows at a rate the cheaper counts, because other work on the machine only adds cost.
    """
    shares: dict[float, float] = {}
    rate = START_RATE
    for _ in range(SEARCHES):
        spent = min(spent_at(rate), spent_at(rate), key=lambda spent: spent.cpu_us)
        shares[rate] = spent.share
        if abs(spent.share - BUSY_SHARE) <= BUSY_WITHIN:
            break
        rate = BUSY_SHARE * 1e6 / spent.cpu_us
    return min(shares, key=lambda tried: abs(shares[tried] - BUSY_SHARE))
