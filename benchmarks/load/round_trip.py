"""The generator's CPU time per WebSocket round trip on a fast echo, compared with its peers."""

import statistics
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.load import rivals, trial
from benchmarks.load.options import Options
from benchmarks.load.target import Target, echo
from benchmarks.peers import Peer
from benchmarks.progress import say
from benchmarks.table import Row

OURS = "ours"
WANTED_US = 15.0
WANTED_RATIO = 4.0
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
    found: list[Row] = []
    with echo() as target:
        for connections in options.connections:
            for sparse in (False, True):
                found += _measure(options, target, _Cell(connections, sparse))
    return found + [
        Row("round-trip", peer.name, "not installed", ratio=f"`{peer.install}`")
        for peer in rivals.absent(options.peers).values()
    ]


def _measure(options: Options, target: Target, cell: _Cell) -> Iterator[Row]:
    def of_ours(rate: float, seconds: float) -> trial.Checked:
        return trial.of_ours(target, cell.connections, rate, seconds, options.through)

    rate = float(cell.connections)
    if not cell.sparse:
        rate = trial.busy_rate(lambda tried: of_ours(tried, trial.SEARCH_S).spent)
    peers = rivals.present(options.peers)
    ours: list[trial.Checked] = []
    theirs: dict[str, list[trial.Spent]] = {name: [] for name in peers}
    broken: dict[str, str] = {}
    for _ in range(options.repeats):
        ours.append(of_ours(rate, options.seconds))
        say(f"  {cell.name}: ours {ours[-1].spent.cpu_us:.1f} µs")
        for name in set(peers) - set(broken):
            pace_s = PACE_S if cell.sparse else 0.0
            try:
                spent = trial.of_peer(
                    peers[name], target, cell.connections, pace_s, options.seconds
                )
            except RuntimeError as error:
                broken[name] = str(error)
                continue
            theirs[name].append(spent)
            say(f"  {cell.name}: {name} {spent.cpu_us:.1f} µs")
    yield _our_row(cell, ours)
    cost_us = statistics.median(checked.spent.cpu_us for checked in ours)
    for name, peer in peers.items():
        if name in broken:
            yield Row("round-trip", f"{peer.name}, {cell.name}", broken[name])
        else:
            yield _peer_row(peer, cell, theirs[name], cost_us)


def _our_row(cell: _Cell, trials: list[trial.Checked]) -> Row:
    cost_us, shown = _shown([checked.spent for checked in trials])
    missing = sum(checked.missing for checked in trials)
    lag_ms = statistics.median(checked.lag_p99_ms for checked in trials)
    return Row(
        "round-trip",
        f"{OURS}, {cell.name}",
        f"{shown}; {missing} missing, lag p99 {lag_ms:.1f} ms",
        "" if cell.sparse else f"≤ {WANTED_US:.0f} µs",
        met=None if cell.sparse else cost_us <= WANTED_US and not missing,
    )


def _peer_row(peer: Peer, cell: _Cell, trials: list[trial.Spent], ours_us: float) -> Row:
    cost_us, shown = _shown(trials)
    ratio = cost_us / ours_us
    judged = peer.compared and not cell.sparse
    return Row(
        "round-trip",
        f"{peer.name}{' (no statistics)' if peer.bare else ''}, {cell.name}",
        shown,
        f"≥ {WANTED_RATIO:.0f} × ours" if judged else "",
        f"{ratio:.1f} × ours",
        ratio >= WANTED_RATIO if judged else None,
    )


def _shown(trials: list[trial.Spent]) -> tuple[float, str]:
    """Return the median cost, and a text with its range, the rate and the share of the core."""
    costs = sorted(spent.cpu_us for spent in trials)
    cost_us = statistics.median(costs)
    per_s = statistics.median(spent.per_s for spent in trials)
    share = 100 * cost_us * per_s / 1e6
    return cost_us, (
        f"{cost_us:.1f} µs ({costs[0]:.1f} to {costs[-1]:.1f}) at {per_s:.0f}/s, "
        f"{share:.0f} % of a core"
    )
