"""What TLS costs per message: the same load on two clusters, one of which speaks TLS.

Both clusters run all the time, and the loads alternate, so that a machine whose speed wanders
changes both figures alike.
"""

import statistics
import time
from dataclasses import dataclass

from benchmarks.load import engine_load
from benchmarks.load.message import ADAPTER, USERS, acked
from benchmarks.load.options import Options
from benchmarks.load.trial import SETTLE_S
from benchmarks.processes import STORES, Cluster, cluster
from benchmarks.progress import print_progress
from benchmarks.table import Row
from benchmarks.workloads import OWN_ROOM
from gauntlet.core.run_directory import Tail

RATE = 1000.0


@dataclass(frozen=True)
class Cost:
    """CPU time per acknowledged message, in microseconds, and messages that did not arrive."""

    generator_us: float
    server_us: float
    missing: int


def rows(options: Options) -> list[Row]:
    """Return one row: medians of alternating runs."""
    plain: list[Cost] = []
    secure: list[Cost] = []
    with cluster("embedded") as without, cluster("embedded", tls=True) as with_tls:
        for _ in range(options.repeats):
            for server, costs in ((without, plain), (with_tls, secure)):
                costs.append(_trial(options, server))
                name = "TLS" if costs is secure else "plain"
                latest = costs[-1]
                print_progress(
                    f"  {name}: generator {latest.generator_us:.0f} µs, "
                    f"server {latest.server_us:.0f} µs"
                )
    generator_us = [statistics.median(c.generator_us for c in costs) for costs in (plain, secure)]
    server_us = [statistics.median(c.server_us for c in costs) for costs in (plain, secure)]
    missing = sum(cost.missing for cost in (*plain, *secure))
    return [
        Row(
            "tls",
            f"CPU per message with and without TLS, embedded stack, {RATE:.0f}/s",
            f"generator {generator_us[1]:.0f} instead of {generator_us[0]:.0f} µs, gateways and "
            f"edges {server_us[1]:.0f} instead of {server_us[0]:.0f} µs; {missing} missing",
            "",
            f"generator {generator_us[1] / generator_us[0]:.2f} ×, "
            f"server {server_us[1] / server_us[0]:.2f} ×",
            None,
        )
    ]


def _trial(options: Options, server: Cluster) -> Cost:
    plan = engine_load.LoadPlan(
        tuple(server.api),
        USERS,
        RATE,
        SETTLE_S + options.seconds + 2.0,
        adapter=ADAPTER,
        workload=OWN_ROOM,
        run_mode=options.run_mode,
        ca=server.ca,
    )
    with engine_load.run_load(plan) as load:
        load.wait_for("steady", engine_load.BOOT_TIMEOUT_S)
        live = Tail(load.run.live)
        time.sleep(SETTLE_S)
        before, load_s, server_s = acked(live), load.tree.cpu_s(), _server_cpu_s(server)
        time.sleep(options.seconds)
        messages = max(1, acked(live) - before)
        load_s, server_s = load.tree.cpu_s() - load_s, _server_cpu_s(server) - server_s
        line = load.finish()
    missing = line["expected"] - line["presented"]
    return Cost(1e6 * load_s / messages, 1e6 * server_s / messages, missing)


def _server_cpu_s(server: Cluster) -> float:
    return sum(used for role, used in server.cpu_s().items() if role not in STORES)
