"""`make bench-server`: the speed of the reference server, compared with bare servers.

Everything runs on one machine, including the generator. Absolute numbers of different machines, or
of different hours of a shared one, are not comparable; the ratios within a run are.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import sampling
from benchmarks.jobs import Bare, Closed, Direct, Idle, Open, Result, Room, Wait
from benchmarks.processes import ROOT, STORES, Cluster, Generator, cluster, generator, line_child
from benchmarks.progress import print_progress
from benchmarks.table import Row, machine, markdown, plain

WINDOWS = (64, 128, 256, 512)  # sends in flight; the fastest is used
SEARCH_S = 3.0
STEADY_SHARE = 0.7
LIGHT_RATE = 300.0
# Sends per second into the large room. At higher rates an edge falls behind and has its clients
# read the history: correct behaviour, but not what this row measures.
ROOM_RATE = 120
WARM_UP_S = 1.0


@dataclass(frozen=True)
class Options:
    """The sizes of a measurement."""

    stack: str
    seconds: float
    conversations: int
    members: int
    connections: int


@dataclass(frozen=True)
class DirectLoad:
    """The results for direct messages on a stack; `cpu_us` is per message, by role."""

    maximum: Result
    steady: Result
    light: Result
    window: int
    cpu_us: dict[str, float]
    bare_post_us: float


@dataclass
class Bench:
    """The measurements that several rows share, each made when first needed."""

    options: Options

    @cached_property
    def direct(self) -> DirectLoad:
        """Direct messages on the stack under test."""
        return self._direct(self.options.stack)

    @cached_property
    def direct_embedded(self) -> DirectLoad:
        """Direct messages on the embedded stack."""
        return self._direct("embedded")

    @cached_property
    def send_us(self) -> float:
        """CPU time per frame of a `ws.send` loop over as many sockets as the room has members."""
        members = self.options.members
        rounds = max(1, int(self.options.seconds * 20_000 / members / 3))
        with line_child("benchmarks.bare", "ws") as server:
            port = int(server.read_line())
            with line_child("benchmarks.bare", "drain", str(port), str(members)) as ends:
                ends.read_line()
                server.ask(rounds)  # warm-up
                spent_s = statistics.median(float(server.ask(rounds)) for _ in range(3))
        return 1e6 * spent_s / rounds / members

    def _direct(self, stack: str) -> DirectLoad:
        options = self.options
        print_progress(f"{stack}: {options.conversations} conversations")
        with (
            cluster(stack) as server,
            generator(Direct(server.api, options.conversations)) as load,
        ):
            window = self._window(load)
            cpu_us, maximum = _costs(server, load, Closed(window, options.seconds))
            steady_rate = STEADY_SHARE * maximum.rate
            return DirectLoad(
                maximum=maximum,
                steady=load.do(Open(steady_rate, options.seconds / 2)),
                light=load.do(Open(LIGHT_RATE, options.seconds / 2)),
                window=window,
                cpu_us=cpu_us,
                bare_post_us=self._bare_post_us(maximum.rate),
            )

    def _window(self, load: Generator) -> int:
        seconds = min(SEARCH_S, self.options.seconds)
        rates = {window: load.do(Closed(window, seconds)).rate for window in WINDOWS}
        texts = [f"window {window}: {rate:.0f}/s" for window, rate in rates.items()]
        print_progress(f"  {', '.join(texts)}")
        return max(rates, key=rates.__getitem__)

    def _bare_post_us(self, rate: float) -> float:
        """CPU time per POST of the bare server at a rate; at lower rates each one costs more."""
        with line_child("benchmarks.bare", "http") as server:
            api = [f"http://127.0.0.1:{int(server.read_line())}"]
            with generator(Bare(api)) as load:
                load.do(Open(rate, WARM_UP_S))
                before = sum(server.process.cpu_times()[:2])
                result = load.do(Open(rate, self.options.seconds / 3))
                return 1e6 * (sum(server.process.cpu_times()[:2]) - before) / result.acked


def maximum(bench: Bench) -> Row:
    direct, result = bench.direct, bench.direct.maximum
    return Row(
        "maximum",
        f"durable 1:1 messages, {bench.options.stack} stack, {bench.options.conversations} "
        f"conversations, {result.seconds:.0f} s",
        f"{result.rate:.0f}/s with {direct.window} under way; {_health(result)}",
        "≥ 3500/s, none lost",
        f"generator: {1e6 * result.cpu_s / result.acked:.0f} µs/message on the same cores",
        result.rate >= 3500 and _is_clean(result),
    )


def steady(bench: Bench) -> Row:
    result = bench.direct.steady
    return Row(
        "steady",
        f"latency at 70 % of the maximum ({result.rate:.0f}/s, open model)",
        _latencies(result),
        "response p99 < 100 ms",
        met=result.response_p99_ms < 100 and _is_clean(result),
    )


def light(bench: Bench) -> Row:
    result = bench.direct.light
    return Row(
        "light",
        f"latency at {LIGHT_RATE:.0f}/s (open model)",
        _latencies(result),
        "response p50 ≤ 10 ms, p99 ≤ 40 ms",
        met=result.response_p50_ms <= 10 and result.response_p99_ms <= 40 and _is_clean(result),
    )


def cpu(bench: Bench) -> Row:
    direct = bench.direct
    python = {role: us for role, us in direct.cpu_us.items() if role not in STORES}
    spent_us, bare_us = sum(python.values()), direct.bare_post_us + bench.send_us
    return Row(
        "cpu",
        "Python CPU of all server processes per message, at the maximum",
        f"{spent_us:.0f} µs ({_shares(python)})",
        "≤ 80 µs, ≤ 2.0 × bare",
        f"{spent_us / bare_us:.2f} × bare ({direct.bare_post_us:.0f} POST + "
        f"{bench.send_us:.0f} ws.send)",
        spent_us <= 80 and spent_us <= 2.0 * bare_us,
    )


def stores(bench: Bench) -> Row:
    others = {role: us for role, us in bench.direct.cpu_us.items() if role in STORES}
    what = "CPU of databases, broker and registry per message, at the maximum"
    return Row("stores", what, f"{sum(others.values()):.0f} µs ({_shares(others)})")


def fanout(bench: Bench) -> Row:
    members, seconds = bench.options.members, bench.options.seconds / 3
    print_progress(f"{bench.options.stack}: a room of {members}")
    with (
        cluster(bench.options.stack, edges=1) as server,
        generator(Room(server.api, members)) as load,
    ):
        load.do(Open(ROOM_RATE, WARM_UP_S))
        cpu_us, result = _costs(server, load, Open(ROOM_RATE, seconds))
    delivery_us = cpu_us["edge"] * result.acked / max(1, result.deliveries)
    return Row(
        "fanout",
        f"CPU of the edge per delivery to {members} local members",
        f"{delivery_us:.1f} µs at {result.deliveries / result.seconds:.0f} deliveries/s; "
        f"{_health(result)}",
        "≤ 6 µs",
        f"{delivery_us / bench.send_us:.2f} × a loop of ws.send ({bench.send_us:.1f} µs)",
        delivery_us <= 6 and _is_clean(result),
    )


def idle(bench: Bench) -> Row:
    requested = bench.options.connections
    print_progress(f"{bench.options.stack}: {requested} idle connections")
    with cluster(bench.options.stack, edges=1) as server:
        before = server.rss_bytes("edge")
        with generator(Idle(server.api, requested)) as load:
            result = load.do(Wait(bench.options.seconds))  # with a heartbeat every 10 s
            connection_bytes = (server.rss_bytes("edge") - before) / result.connections
    return Row(
        "idle",
        "memory of one edge per idle connection, heartbeats on",
        f"{connection_bytes / 1024:.1f} KiB with {result.connections} connections, "
        f"{result.wrong} of them ended",
        "≤ 20 KiB with 18000",
        met=connection_bytes <= 20 * 1024 and result.wrong == 0 and result.connections >= 18_000,
    )


def embedded(bench: Bench) -> Row:
    full, result = bench.direct.maximum, bench.direct_embedded.maximum
    return Row(
        "embedded",
        "durable 1:1 messages, embedded stack, the same work",
        f"{result.rate:.0f}/s; {_health(result)}",
        "≥ 0.5 × the full stack",
        f"{result.rate / full.rate:.2f} × {full.rate:.0f}/s",
        result.rate >= full.rate / 2 and _is_clean(result),
    )


ROWS: dict[str, Callable[[Bench], Row]] = {
    "maximum": maximum,
    "steady": steady,
    "light": light,
    "cpu": cpu,
    "stores": stores,
    "fanout": fanout,
    "idle": idle,
    "embedded": embedded,
}


def _costs(server: Cluster, load: Generator, job: Closed | Open) -> tuple[dict[str, float], Result]:
    """Return the CPU time per message in microseconds, by role, during a job, and its result."""
    before = server.cpu_s()
    result = load.do(job)
    after = server.cpu_s()
    return {role: 1e6 * (after[role] - before[role]) / result.acked for role in after}, result


def _health(result: Result) -> str:
    return f"{result.lost} lost, {result.failed} failed, {result.wrong} out of order"


def _is_clean(result: Result) -> bool:
    return not (result.lost or result.failed or result.wrong)


def _latencies(result: Result) -> str:
    return (
        f"response p50 {result.response_p50_ms:.1f} p99 {result.response_p99_ms:.1f} ms, "
        f"delivery p50 {result.delivery_p50_ms:.1f} p99 {result.delivery_p99_ms:.1f} ms; "
        f"{_health(result)}"
    )


def _shares(cpu_us: dict[str, float]) -> str:
    return ", ".join(f"{role} {us:.0f}" for role, us in cpu_us.items() if us >= 0.5)


def main() -> int:
    """Measure and print; a missed target is not an error."""
    parser = argparse.ArgumentParser(prog="bench-server", description=__doc__)
    parser.add_argument("--only", action="append", choices=ROWS, metavar="ROW", help=str([*ROWS]))
    parser.add_argument("--stack", choices=("full", "embedded"), default="full")
    parser.add_argument("--seconds", type=float, default=30.0, help="duration at the maximum rate")
    parser.add_argument("--conversations", type=int, default=1000)
    parser.add_argument("--members", type=int, default=500, help="members of the room")
    parser.add_argument("--connections", type=int, default=18_000, help="idle connections")
    parser.add_argument("--markdown", action="store_true", help="print the table for the docs")
    parser.add_argument("--profile", type=Path, help="folder for collapsed stacks of CPU samples")
    arguments = parser.parse_args()
    if arguments.profile:
        arguments.profile.mkdir(parents=True, exist_ok=True)
        os.environ[sampling.FOLDER] = str(arguments.profile.absolute())
        os.environ["PYTHONPATH"] = str(ROOT)  # the server's processes import the hook
    bench = Bench(
        Options(
            stack=arguments.stack,
            seconds=arguments.seconds,
            conversations=arguments.conversations,
            members=arguments.members,
            connections=arguments.connections,
        )
    )
    rows: list[Row] = []
    for name, measure in ROWS.items():
        if name in (arguments.only or ROWS):
            rows.append(measure(bench))
            print_progress(f"  {name}: {rows[-1].measured}")
    print((markdown if arguments.markdown else plain)(rows))
    print(f"\n{machine()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
