"""The generator's CPU time per WebSocket round trip on a fast echo, compared with its peers."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.load import peer_process, trial
from benchmarks.load.echo_server import EchoServer, run_echo_server
from benchmarks.load.options import Options
from benchmarks.load.records import Book, Record, Window
from benchmarks.peers import PEERS, Peer
from benchmarks.progress import print_progress
from benchmarks.table import Row

OURS = "ours"
FLOOR = PEERS["floor"].name  # the least that any generator can cost
RATES = (1.0, 10.0)  # messages per second and connection of the loads that are not busy
# How a generator is paced: at full speed, at the rate of ours, or by the rate of the cell.
FULL_SPEED, SAME_RATE, PACED = "busy", "at the same rate", "paced"


class Cell(NamedTuple):
    """A number of connections with this many messages a second each; None for a busy core."""

    connections: int
    per_s: float | None = None

    @property
    def name(self) -> str:
        """The text of its rows, such as `100 connections, busy`."""
        load = "busy" if self.per_s is None else f"{self.per_s:g} msg/s each"
        return f"{self.connections} connections, {load}"

    def ways(self, rate_per_s: float) -> dict[str, float]:
        """Return how a peer is paced: the seconds between two sends of a connection.

        At full speed a closed loop handles more messages for each wake-up than any open load.
        """
        if self.per_s is None:
            return {FULL_SPEED: 0.0, SAME_RATE: self.connections / rate_per_s}
        return {PACED: 1 / self.per_s}


class Target(NamedTuple):
    """What ours may cost in a cell; in such a cell it is also less than peers with statistics."""

    cost_us: float = math.inf
    floor_ratio: float = math.inf

    def __str__(self) -> str:
        cost = f"≤ {self.cost_us:.0f} µs" if math.isfinite(self.cost_us) else ""
        ratio = f"≤ {self.floor_ratio:g} × {FLOOR}" if math.isfinite(self.floor_ratio) else ""
        return ", ".join(filter(None, (cost, ratio)))


TARGETS = {
    "100 connections, busy": Target(15.0, 2.2),
    "1000 connections, busy": Target(22.0),
    "1000 connections, 1 msg/s each": Target(floor_ratio=1.6),
}


def cells(options: Options) -> list[Cell]:
    """Return the cells of a whole benchmark, in their order."""
    return [Cell(each, rate) for each in options.connections for rate in (None, *RATES)]


def measure(options: Options, book: Book) -> None:
    """Measure the rounds that the book does not have; OutOfTime if there is no time for one."""
    left = [cell for cell in cells(options) if len(book.rounds(cell.name)) < options.repeats]
    if left:
        book.require_time()
        with run_echo_server() as echo:
            for cell in left:
                _measure_cell(options, book, echo, cell)


def _measure_cell(options: Options, book: Book, echo: EchoServer, cell: Cell) -> None:
    done = book.rounds(cell.name)
    # A peer that has failed is not tried again.
    failed = {(each.who, each.way) for one in done for each in one.windows if each.failure}
    rate_per_s = done[0].rate_per_s if done else None
    for _ in range(len(done), options.repeats):
        book.require_time()
        if rate_per_s is None:
            rate_per_s = _rate(options, echo, cell)
        windows = _round(options, echo, cell, rate_per_s, failed)
        failed |= {(each.who, each.way) for each in windows if each.failure}
        book.add_round(cell.name, cell.connections, rate_per_s, windows)


def _rate(options: Options, echo: EchoServer, cell: Cell) -> float:
    if cell.per_s is not None:
        return cell.connections * cell.per_s
    return trial.busy_rate(
        lambda rate: (
            trial.measure_engine(
                echo, cell.connections, rate, trial.SEARCH_S, options.run_mode
            ).cost
        )
    )


def _round(
    options: Options, echo: EchoServer, cell: Cell, rate_per_s: float, failed: set[tuple[str, str]]
) -> list[Window]:
    """Measure a window of ours, and then one of every peer in each way."""
    measured = trial.measure_engine(
        echo, cell.connections, rate_per_s, options.seconds, options.run_mode
    )
    windows = [
        Window(
            who=OURS,
            way=FULL_SPEED if cell.per_s is None else PACED,
            missing=measured.missing,
            lag_p99_ms=measured.lag_p99_ms,
            **measured.cost._asdict(),
        )
    ]
    print_progress(f"  {cell.name}: {OURS} {windows[0].cpu_us:.1f} µs")
    for peer in peer_process.installed_peers(options.peers).values():
        for way, pace_s in cell.ways(rate_per_s).items():
            if (peer.name, way) in failed:
                continue
            try:
                cost = trial.measure_peer(peer, echo, cell.connections, pace_s, options.seconds)
            except RuntimeError as error:
                windows.append(Window(who=peer.name, way=way, failure=str(error)))
                continue
            windows.append(Window(who=peer.name, way=way, **cost._asdict()))
            print_progress(f"  {cell.name}: {peer.name}, {way}: {cost.cpu_us:.1f} µs")
    return windows


def rows(options: Options, records: Sequence[Record]) -> list[Row]:
    """Return the rows of the rounds in these records, ours first in each cell."""
    table: list[Row] = []
    for name in dict.fromkeys(each.cell for each in records if each.row == "round-trip"):
        rounds = [each for each in records if each.cell == name]
        table += _cell_rows(name, [window for each in rounds for window in each.windows])
    seen = {window.who for each in records for window in each.windows}
    missing = [each for each in PEERS.values() if each.name not in seen]
    return table + [
        Row("round-trip", peer.name, "not installed", ratio=f"`{peer.install_command}`")
        for peer in missing
        if table and peer in peer_process.missing_peers(options.peers).values()
    ]


def _cell_rows(cell: str, windows: list[Window]) -> Iterator[Row]:
    of: dict[tuple[str, str], list[Window]] = defaultdict(list)
    for window in windows:
        of[window.who, window.way].append(window)
    ours = of.pop(next(key for key in of if key[0] == OURS))
    floor = of.get((FLOOR, PACED)) or of.get((FLOOR, SAME_RATE))
    yield _engine_row(cell, ours, floor)
    peers = {peer.name: peer for peer in PEERS.values()}
    for (who, way), found in of.items():
        what = f"{cell.partition(',')[0]}, {SAME_RATE}" if way == SAME_RATE else cell
        yield _peer_row(peers[who], cell, what, found, _cost_us(ours))


def _engine_row(cell: str, windows: list[Window], floor: list[Window] | None) -> Row:
    """Return our row; `floor` are the windows of the floor at the same rate, if it was measured."""
    cost_us, target = _cost_us(windows), TARGETS.get(cell)
    missing = sum(each.missing for each in windows)
    lag_ms = statistics.median(each.lag_p99_ms for each in windows)
    measured = floor is not None and not any(each.failure for each in floor)
    ratio = cost_us / _cost_us(floor) if floor and measured else None
    met = None
    if target is not None and (ratio is not None or math.isinf(target.floor_ratio)):
        met = not missing and cost_us <= target.cost_us and (ratio or 0.0) <= target.floor_ratio
    return Row(
        "round-trip",
        f"{OURS}, {cell}",
        f"{_describe(windows)}; {missing} missing, lag p99 {lag_ms:.1f} ms",
        str(target or ""),
        "" if ratio is None else f"{ratio:.1f} × {FLOOR}",
        met,
    )


def _peer_row(peer: Peer, cell: str, what: str, windows: list[Window], engine_us: float) -> Row:
    name = f"{peer.name}{' (no statistics)' if peer.without_statistics else ''}, {what}"
    if failed := [each for each in windows if each.failure]:
        return Row("round-trip", name, failed[0].failure)
    ratio = _cost_us(windows) / engine_us
    judged = not peer.without_statistics and cell in TARGETS and windows[0].way != FULL_SPEED
    return Row(
        "round-trip",
        name,
        _describe(windows),
        "more than ours" if judged else "",
        f"{ratio:.1f} × ours",
        ratio > 1 if judged else None,
    )


def _cost_us(windows: list[Window]) -> float:
    return statistics.median(each.cpu_us for each in windows)


def _describe(windows: list[Window]) -> str:
    """Return the median cost with its range, the rate, and the share of the core."""
    least, most = min(each.cpu_us for each in windows), max(each.cpu_us for each in windows)
    cost_us = _cost_us(windows)
    rate_per_s = statistics.median(each.rate_per_s for each in windows)
    loop_ms = statistics.median(each.loop_ms for each in windows)
    share = 100 * cost_us * rate_per_s / 1e6
    return (
        f"{cost_us:.1f} µs ({least:.1f} to {most:.1f}) at {rate_per_s:.0f}/s, "
        f"{share:.0f} % of a core, loop {loop_ms:.1f} ms"
    )
