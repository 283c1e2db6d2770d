"""The generator's CPU time per message of the reference server: one HTTP send, one delivery."""

import statistics
import time

from benchmarks.load import engine_load
from benchmarks.load.options import Options
from benchmarks.load.trial import SETTLE_S
from benchmarks.processes import Cluster, cluster
from benchmarks.progress import print_progress
from benchmarks.table import Row
from benchmarks.workloads import OWN_ROOM
from gauntlet.core.run_directory import Tail

ADAPTER = "reference"
USERS = 200
RATE = 3000.0  # as busy as in the comparison: at a third of it, most of the time is spent waking up
TARGET_US = 55.0
# The same work with aiohttp for the sends and `websockets` for the deliveries, measured once.
MANUAL_CLIENT_US = 193


def rows(options: Options) -> list[Row]:
    """Return one row: the median of several runs at a fixed rate."""
    with cluster(options.stack) as server:
        trials = []
        for _ in range(options.repeats):
            trials.append(_trial(options, server))
            print_progress(f"  message: {trials[-1][0]:.0f} µs")
    costs = sorted(cost for cost, _ in trials)
    missing = sum(missing for _, missing in trials)
    cost_us = statistics.median(costs)
    return [
        Row(
            "message",
            f"generator CPU per message of the reference server, {options.stack} stack, "
            f"{RATE:.0f}/s",
            f"{cost_us:.0f} µs ({costs[0]:.0f} to {costs[-1]:.0f}); {missing} missing",
            f"≤ {TARGET_US:.0f} µs",
            f"aiohttp + websockets by hand: {MANUAL_CLIENT_US} µs",
            cost_us <= TARGET_US and not missing,
        )
    ]


def _trial(options: Options, server: Cluster) -> tuple[float, int]:
    """Return the CPU time per acknowledged message, and how many were not delivered."""
    plan = engine_load.LoadPlan(
        tuple(server.api),
        USERS,
        RATE,
        SETTLE_S + options.seconds + 2.0,
        adapter=ADAPTER,
        workload=OWN_ROOM,
        run_mode=options.run_mode,
    )
    with engine_load.run_load(plan) as load:
        load.wait_for("steady", engine_load.BOOT_TIMEOUT_S)
        live = Tail(load.run.live)
        time.sleep(SETTLE_S)
        before, began_s = acked(live), load.tree.cpu_s()
        time.sleep(options.seconds)
        messages, spent_s = acked(live) - before, load.tree.cpu_s() - began_s
        line = load.finish()
    return 1e6 * spent_s / max(1, messages), line["ops"] - line["presented"]


def acked(live: Tail) -> int:
    """Wait for the next row of the live file and return the number of acknowledged messages."""
    live.read_new()
    while not (rows := live.read_new()):
        time.sleep(0.002)
    return int(rows[-1]["acked"])
