"""The generator's CPU time per WebSocket round trip on a fast echo, compared with its peers."""

import statistics
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.load import peer_process, trial
from benchmarks.load.echo_server import EchoServer, run_echo_server
from benchmarks.load.options import Options
from benchmarks.peers import Peer
from benchmarks.progress import print_progress
from benchmarks.table import Row

OURS = "ours"
TARGET_US = 15.0
TARGET_RATIO = 4.0
PACE_S = 1.0  # one message per second and connection in a sparse load


class _Cell(NamedTuple):
    """A number of connections, with either a busy core or sparse traffic."""

    connections: int
    sparse: bool

    @property
    def name(self) -> str:
        return f"{self.connections} connections, {'1 msg/s each' if self.sparse else 'busy'}"


def rows(options: Options) -> list[Row]:
    """Return the rows of a busy and a sparse load for each number of connections, ours first."""
    table: list[Row] = []
    with run_echo_server() as echo:
        for connections in options.connections:
            for sparse in (False, True):
                table += _measure(options, echo, _Cell(connections, sparse))
    return table + [
        Row("round-trip", peer.name, "not installed", ratio=f"`{peer.install_command}`")
        for peer in peer_process.missing_peers(options.peers).values()
    ]


def _measure(options: Options, echo: EchoServer, cell: _Cell) -> Iterator[Row]:
    def measure_engine(rate: float, seconds: float) -> trial.EngineTrial:
        return trial.measure_engine(echo, cell.connections, rate, seconds, options.run_mode)

    rate = float(cell.connections)
    if not cell.sparse:
        rate = trial.busy_rate(lambda candidate: measure_engine(candidate, trial.SEARCH_S).cost)
    peers = peer_process.installed_peers(options.peers)
    engine_trials: list[trial.EngineTrial] = []
    peer_costs: dict[str, list[trial.CpuCost]] = {name: [] for name in peers}
    failures: dict[str, str] = {}
    for _ in range(options.repeats):
        engine_trials.append(measure_engine(rate, options.seconds))
        print_progress(f"  {cell.name}: ours {engine_trials[-1].cost.cpu_us:.1f} µs")
        for name in set(peers) - set(failures):
            pace_s = PACE_S if cell.sparse else 0.0
            try:
                cost = trial.measure_peer(
                    peers[name], echo, cell.connections, pace_s, options.seconds
                )
            except RuntimeError as error:
                failures[name] = str(error)
                continue
            peer_costs[name].append(cost)
            print_progress(f"  {cell.name}: {name} {cost.cpu_us:.1f} µs")
    yield _engine_row(cell, engine_trials)
    cost_us = statistics.median(measured.cost.cpu_us for measured in engine_trials)
    for name, peer in peers.items():
        if name in failures:
            yield Row("round-trip", f"{peer.name}, {cell.name}", failures[name])
        else:
            yield _peer_row(peer, cell, peer_costs[name], cost_us)


def _engine_row(cell: _Cell, trials: list[trial.EngineTrial]) -> Row:
    cost_us, text = _describe([measured.cost for measured in trials])
    missing = sum(measured.missing for measured in trials)
    lag_ms = statistics.median(measured.lag_p99_ms for measured in trials)
    return Row(
        "round-trip",
        f"{OURS}, {cell.name}",
        f"{text}; {missing} missing, lag p99 {lag_ms:.1f} ms",
        "" if cell.sparse else f"≤ {TARGET_US:.0f} µs",
        met=None if cell.sparse else cost_us <= TARGET_US and not missing,
    )


def _peer_row(peer: Peer, cell: _Cell, trials: list[trial.CpuCost], engine_us: float) -> Row:
    cost_us, text = _describe(trials)
    ratio = cost_us / engine_us
    judged = peer.has_target and not cell.sparse
    return Row(
        "round-trip",
        f"{peer.name}{' (no statistics)' if peer.without_statistics else ''}, {cell.name}",
        text,
        f"≥ {TARGET_RATIO:.0f} × ours" if judged else "",
        f"{ratio:.1f} × ours",
        ratio >= TARGET_RATIO if judged else None,
    )


def _describe(trials: list[trial.CpuCost]) -> tuple[float, str]:
    """Return the median cost, and a text with its range, the rate and the share of the core."""
    costs = sorted(cost.cpu_us for cost in trials)
    cost_us = statistics.median(costs)
    rate_per_s = statistics.median(cost.rate_per_s for cost in trials)
    share = 100 * cost_us * rate_per_s / 1e6
    return cost_us, (
        f"{cost_us:.1f} µs ({costs[0]:.1f} to {costs[-1]:.1f}) at {rate_per_s:.0f}/s, "
        f"{share:.0f} % of a core"
    )
