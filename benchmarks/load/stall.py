"""The accuracy of percentiles when the server stops: the echo is stopped for a known time."""

import time
from typing import NamedTuple, TypeVar

from benchmarks.load import engine_load, peer_process
from benchmarks.load.echo_server import EchoServer, run_echo_server
from benchmarks.load.options import Options
from benchmarks.load.true_percentiles import error_percent, percentile_s
from benchmarks.peers import PEERS
from benchmarks.peers.reports import ReportedLatency
from benchmarks.progress import print_progress
from benchmarks.table import Row

CONNECTIONS = 20
PACE_S = 0.01  # 2,000 messages per second, a few percent of what the echo can do
STOP_S = 2.0
TOTAL_S = 20.0
BEFORE_S = 5.0
WITHIN_PERCENT = 2.0
PLANNED = round(CONNECTIONS * TOTAL_S / PACE_S)


class _Run(NamedTuple):
    """How long the echo was stopped, and the percentiles that a generator reported."""

    stopped_s: float
    reported: ReportedLatency

    @property
    def sort_key(self) -> float:
        """The value by which the median run is chosen."""
        return self.reported.p99_ms

    @property
    def errors(self) -> tuple[float, float]:
        """The errors of p99 and p99.9, in percent of the true value."""
        p99_ms, p999_ms = _true_ms(self.stopped_s)
        return (
            error_percent(self.reported.p99_ms, p99_ms),
            error_percent(self.reported.p999_ms, p999_ms),
        )

    def __str__(self) -> str:
        (true99_ms, true999_ms), (error99, error999) = _true_ms(self.stopped_s), self.errors
        return (
            f"p99 {self.reported.p99_ms:.0f} ms ({error99:+.1f} %), p99.9 "
            f"{self.reported.p999_ms:.0f} ms ({error999:+.1f} %); true: {true99_ms:.0f} and "
            f"{true999_ms:.0f}; {self.reported.samples} samples of {PLANNED} planned"
        )


class _RunWithoutLatencies(NamedTuple):
    """The same for a generator that records no latency: the messages that the echo counted."""

    stopped_s: float
    sent: int

    @property
    def sort_key(self) -> float:
        """The value by which the median run is chosen."""
        return self.sent

    def __str__(self) -> str:
        true99_ms, true999_ms = _true_ms(self.stopped_s)
        return (
            f"no latency of a message is recorded; true: {true99_ms:.0f} and {true999_ms:.0f}; "
            f"{self.sent} sent of {PLANNED} planned"
        )


_AnyRun = TypeVar("_AnyRun", bound=_Run | _RunWithoutLatencies)


def _true_ms(stopped_s: float) -> tuple[float, float]:
    """Return the analytic p99 and p99.9."""
    p99_s, p999_s = (percentile_s(share, stopped_s, TOTAL_S) for share in (0.99, 0.999))
    return 1e3 * p99_s, 1e3 * p999_s


def rows(options: Options) -> list[Row]:
    """Return the median run of Gauntlet and of every installed peer that keeps statistics."""
    peers = {
        name: peer
        for name, peer in peer_process.installed_peers(options.peers).items()
        if not peer.without_statistics
    }
    engine_runs: list[_Run] = []
    peer_runs: dict[str, list[_Run | _RunWithoutLatencies]] = {name: [] for name in peers}
    failures: dict[str, str] = {}
    with run_echo_server() as echo:
        for _ in range(options.repeats):
            engine_runs.append(_measure_engine(options, echo))
            print_progress(f"  stall: ours {engine_runs[-1]}")
            for name in peers:
                try:
                    peer_runs[name].append(_measure_peer(name, echo))
                except (RuntimeError, OSError, LookupError, ValueError) as error:
                    failures[name] = f"did not finish: {error}"
                    continue
                print_progress(f"  stall: {name} {peer_runs[name][-1]}")
    median = _median_run(engine_runs)
    table = [
        Row(
            "stall",
            f"ours, echo stopped for {STOP_S:.0f} s",
            str(median),
            f"within {WITHIN_PERCENT:.0f} %",
            met=max(map(abs, median.errors)) <= WITHIN_PERCENT,
        )
    ]
    for name, peer in peers.items():
        result = failures.get(name) or str(_median_run(peer_runs[name]))
        table.append(Row("stall", f"{peer.name}, the same", result))
    return table


def _median_run(runs: list[_AnyRun]) -> _AnyRun:
    return sorted(runs, key=lambda run: run.sort_key)[len(runs) // 2]


def _measure_engine(options: Options, echo: EchoServer) -> _Run:
    plan = engine_load.LoadPlan(
        (echo.url,), CONNECTIONS, CONNECTIONS / PACE_S, TOTAL_S, run_mode=options.run_mode
    )
    with engine_load.run_load(plan) as load:
        load.wait_for("steady", engine_load.BOOT_TIMEOUT_S)
        stopped_s = _stop(echo)
        load.finish()
        response = load.histogram("response")
        p99_ms, p999_ms = (response.percentile_ms(share) or 0.0 for share in (0.99, 0.999))
        return _Run(stopped_s, ReportedLatency(p99_ms, p999_ms, response.total))


def _measure_peer(name: str, echo: EchoServer) -> _Run | _RunWithoutLatencies:
    read_latency = PEERS[name].read_latency
    with peer_process.run_peer(
        PEERS[name], echo, CONNECTIONS, PACE_S, TOTAL_S, keep_samples=True
    ) as running:
        running.wait_connected(echo)
        began_s, before = time.monotonic(), echo.count().messages
        stopped_s = _stop(echo)
        if read_latency is None:  # its end need not be awaited
            time.sleep(max(0.0, began_s + TOTAL_S - time.monotonic()))
            return _RunWithoutLatencies(stopped_s, echo.count().messages - before)
        running.finish()
        return _Run(stopped_s, read_latency(running.case.folder))


def _stop(echo: EchoServer) -> float:
    """Stop the echo for `STOP_S` and return for how many seconds it was stopped."""
    time.sleep(BEFORE_S)
    with echo.stopped() as began_s:
        time.sleep(STOP_S)
    return time.monotonic() - began_s
