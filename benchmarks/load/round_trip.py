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


class _PeerTrials:
    """The trials of one peer in one cell, at one pace."""

    def __init__(self, peer: Peer, what: str, pace_s: float) -> None:
        self.peer = peer
        self.what = what
        self.costs: list[trial.CpuCost] = []
        self.failure = ""
        self._pace_s = pace_s

    def measure(self, options: Options, echo: EchoServer, connections: int) -> None:
        """Measure another window, unless the peer has failed."""
        if self.failure:
            return
        try:
            cost = trial.measure_peer(self.peer, echo, connections, self._pace_s, options.seconds)
        except RuntimeError as error:
            self.failure = str(error)
            return
        self.costs.append(cost)
        print_progress(f"  {self.what}: {self.peer.name} {cost.cpu_us:.1f} µs")


def _measure(options: Options, echo: EchoServer, cell: _Cell) -> Iterator[Row]:
    def measure_engine(rate: float, seconds: float) -> trial.EngineTrial:
        return trial.measure_engine(echo, cell.connections, rate, seconds, options.run_mode)

    rate = float(cell.connections)
    if not cell.sparse:
        rate = trial.busy_rate(lambda candidate: measure_engine(candidate, trial.SEARCH_S).cost)
    engine_trials: list[trial.EngineTrial] = []
    peers = list(_peer_trials(options, cell, rate))
    for _ in range(options.repeats):
        engine_trials.append(measure_engine(rate, options.seconds))
        print_progress(f"  {cell.name}: ours {engine_trials[-1].cost.cpu_us:.1f} µs")
        for peer in peers:
            peer.measure(options, echo, cell.connections)
    yield _engine_row(cell, engine_trials)
    cost_us = statistics.median(measured.cost.cpu_us for measured in engine_trials)
    for peer in peers:
        yield _peer_row(cell, peer, cost_us)


def _peer_trials(options: Options, cell: _Cell, rate: float) -> Iterator[_PeerTrials]:
    """Yield the trials of every peer: in a busy cell at full speed, and at the rate of ours.

    At full speed a closed loop handles more messages for each wake-up than any open load.
    """
    for peer in peer_process.installed_peers(options.peers).values():
        if cell.sparse:
            yield _PeerTrials(peer, cell.name, PACE_S)
        else:
            same_rate = f"{cell.connections} connections, at the same rate"
            yield _PeerTrials(peer, cell.name, 0.0)
            yield _PeerTrials(peer, same_rate, cell.connections / rate)


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


def _peer_row(cell: _Cell, trials: _PeerTrials, engine_us: float) -> Row:
    peer = trials.peer
    name = f"{peer.name}{' (no statistics)' if peer.without_statistics else ''}, {trials.what}"
    if trials.failure:
        return Row("round-trip", name, trials.failure)
    cost_us, text = _describe(trials.costs)
    ratio = cost_us / engine_us
    judged = peer.has_target and trials.what == cell.name and not cell.sparse
    return Row(
        "round-trip",
        name,
        text,
        f"≥ {TARGET_RATIO:.0f} × ours" if judged else "",
        f"{ratio:.1f} × ours",
        ratio >= TARGET_RATIO if judged else None,
    )


def _describe(costs: list[trial.CpuCost]) -> tuple[float, str]:
    """Return the median cost, and a text with its range, the rate and the share of the core."""
    least, most = min(cost.cpu_us for cost in costs), max(cost.cpu_us for cost in costs)
    cost_us = statistics.median(cost.cpu_us for cost in costs)
    rate_per_s = statistics.median(cost.rate_per_s for cost in costs)
    loop_ms = statistics.median(cost.loop_ms for cost in costs)
    share = 100 * cost_us * rate_per_s / 1e6
    return cost_us, (
        f"{cost_us:.1f} µs ({least:.1f} to {most:.1f}) at {rate_per_s:.0f}/s, "
        f"{share:.0f} % of a core, loop {loop_ms:.1f} ms"
    )
