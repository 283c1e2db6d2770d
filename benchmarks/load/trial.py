"""One trial: the CPU time of a generator during a window, per message that the echo counts."""

import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.load import engine_load, peer_process
from benchmarks.load.echo_server import EchoServer
from benchmarks.load.process_tree import ProcessTree
from benchmarks.peers import Peer

SETTLE_S = 1.0  # from the first message to the window, for caches and buffers to fill
BUSY_SHARE = 0.75  # of the generator's core
BUSY_TOLERANCE = 0.05
START_RATE = 2000.0
SEARCH_S = 1.5
SEARCH_STEPS = 6
_LOOP_STEPS = 200_000


class CpuCost(NamedTuple):
    """CPU time per round trip of the generator's process tree, and round trips per second.

    `loop_ms` is the CPU time of a fixed loop right before: how fast the machine was.
    """

    cpu_us: float
    rate_per_s: float
    loop_ms: float = 0.0

    @property
    def share(self) -> float:
        """The share of one core."""
        return self.cpu_us * self.rate_per_s / 1e6


class EngineTrial(NamedTuple):
    """A trial of Gauntlet's engine, which also accounts for every message."""

    cost: CpuCost
    missing: int
    lag_p99_ms: float


def measure_window(echo: EchoServer, tree: ProcessTree, seconds: float) -> CpuCost:
    """Measure from now on for `seconds`."""
    loop_ms = fixed_loop_ms()
    began_s, before, spent_s = time.monotonic(), echo.count().messages, tree.cpu_s()
    time.sleep(seconds)
    messages, spent_s = echo.count().messages - before, tree.cpu_s() - spent_s
    took_s = time.monotonic() - began_s
    return CpuCost(1e6 * spent_s / max(1, messages), messages / took_s, loop_ms)


def fixed_loop_ms() -> float:
    """Return the CPU time of a loop that is always the same, the least of three."""
    times_ms = []
    for _ in range(3):
        began_ns, total = time.thread_time_ns(), 0
        for number in range(_LOOP_STEPS):
            total += number
        times_ms.append((time.thread_time_ns() - began_ns) / 1e6)
    return min(times_ms)


def measure_engine(
    echo: EchoServer, users: int, rate: float, seconds: float, run_mode: engine_load.RunMode
) -> EngineTrial:
    """Measure Gauntlet's engine at a rate, in an open model with history, histograms and ledger."""
    plan = engine_load.LoadPlan(
        (echo.url,), users, rate, SETTLE_S + seconds + 0.5, run_mode=run_mode
    )
    with engine_load.run_load(plan) as load:
        load.wait_for("steady", engine_load.BOOT_TIMEOUT_S)
        time.sleep(SETTLE_S)
        cost = measure_window(echo, load.tree, seconds)
        line = load.finish()
        missing = line["ops"] - line["presented"]
        return EngineTrial(cost, missing, load.percentile_ms("lag", 0.99))


def measure_peer(
    peer: Peer, echo: EchoServer, connections: int, pace_s: float, seconds: float
) -> CpuCost:
    """Measure a peer, at full speed if `pace_s` is 0; RuntimeError if it does not run."""
    run_time_s = peer_process.BOOT_TIMEOUT_S + SETTLE_S + seconds
    with peer_process.run_peer(peer, echo, connections, pace_s, run_time_s) as running:
        running.wait_connected(echo)
        time.sleep(SETTLE_S)
        return measure_window(echo, running.tree, seconds)


def busy_rate(cost_at: Callable[[float], CpuCost]) -> float:
    """Return the rate at which a generator uses about `BUSY_SHARE` of its core.

    Full speed has no meaning in an open model: beyond the capacity of the core, arrivals only
    queue up. Messages cost less when more are handled at a time, therefore the search takes steps.
    Of two windows at a rate the cheaper counts, because other work on the machine only adds cost.
    """
    shares: dict[float, float] = {}
    rate = START_RATE
    for _ in range(SEARCH_STEPS):
        cost = min(cost_at(rate), cost_at(rate), key=lambda cost: cost.cpu_us)
        shares[rate] = cost.share
        if abs(cost.share - BUSY_SHARE) <= BUSY_TOLERANCE:
            break
        rate = BUSY_SHARE * 1e6 / cost.cpu_us
    return min(shares, key=lambda candidate: abs(shares[candidate] - BUSY_SHARE))
