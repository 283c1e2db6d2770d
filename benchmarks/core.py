"""The core of the load engine without sockets: CPU time per message, compiled and pure.

    python -m benchmarks.core [--connections N] [--messages N] [--repeats N]

Every message goes through the arrivals, a session's send queue, the adapter of the echo, its inbox,
the history, the ledger and the latencies; only the transport is replaced, by a list. The two builds
alternate, each in a process of its own. Without `make compile` there is only the pure one.
"""

import argparse
import gc
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import workloads
from benchmarks.load.engine_load import LoadPlan
from gauntlet.builds import ENGINE, PURE_VARIABLE
from gauntlet.core import clock
from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios import adapters
from gauntlet.scenarios.adapters.base import Request, Response
from gauntlet.scenarios.client.connection import Connection, Dial
from gauntlet.scenarios.client.context import Context, Limits
from gauntlet.scenarios.client.readiness import Readiness
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.engine.dispatcher import Dispatcher
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.recording.history_writer import HistoryWriter
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation

RATE = 20_000.0
TICK_NS = 1_000_000
TICKS_PER_FLUSH, TICKS_PER_SECOND = 250, 1_000


class ListTransport:
    """Keeps what is sent, until the load echoes it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Connection, bytes]] = []
        self.dialled: list[Connection] = []

    def request(
        self,
        gateway: int,
        request: Request,
        timeout_ns: int,
        on_response: Callable[[Response | None], None],
    ) -> None:
        raise NotImplementedError("the echo has no HTTP")

    def dial(self, connection: Connection, dial: Dial) -> None:
        self.dialled.append(connection)

    def start_tls(self, connection: Connection, on_done: Callable[[], None]) -> None:
        raise NotImplementedError("the echo has no TLS")

    def send(self, connection: Connection, frame: bytes) -> None:
        self.sent.append((connection, frame))

    def read(self, connection: Connection, *, on: bool) -> None:
        """Do nothing: no user stalls."""

    def close(self, connection: Connection, *, abort: bool = False) -> None:
        """Do nothing: there is no socket."""

    def echo(self) -> None:
        """Pass every frame to the connection that sent it."""
        sent, self.sent = self.sent, []
        for connection, frame in sent:
            connection.session.on_frame(connection, frame)


class Load:
    """All sessions of a worker, connected."""

    def __init__(self, folder: Path, connections: int, messages: int) -> None:
        workloads.register()
        plan = LoadPlan(("ws://127.0.0.1:1/",), connections, RATE, messages / RATE, 0.0)
        scenario = from_builtins(plan.scenario())
        adapter, _ = adapters.create(scenario.target, scenario.load.transport)
        traffic = Traffic(scenario, Stripe())
        self.transport = ListTransport()
        self.history = HistoryWriter(folder, 0)
        self.latencies = Latencies()
        self.ledger = Ledger()
        convs = list(traffic.conversations.values())

        def mark_ready(conv: Conversation) -> None:
            readiness.mark_ready(conv)

        readiness = Readiness(self.ledger, convs, mark_ready)
        context = Context(
            now_ns=clock.now_ns,
            timers=Timers(),
            transport=self.transport,
            sink=self.history,
            adapter=adapter,
            ledger=self.ledger,
            latencies=self.latencies,
            limits=Limits(60 * clock.NS_PER_S, 60 * clock.NS_PER_S, 120),
            api=["ws://127.0.0.1:1/"],
            conversations=traffic.conversations,
            conversations_of=readiness.conversations_of,
            user_numbers={user.name: user.number for user in traffic.users},
            register_connection=lambda _: len(self.transport.dialled),
            on_connected=readiness.on_connected,
            errors=ErrorLog(clock.now_ns),
        )
        sessions: dict[int, Session] = {}
        for user in traffic.users:
            session = sessions[user.device_key] = Session(context, user, random.Random(1))
            session.start()
            session.on_open(self.transport.dialled[-1], Response(101, b""))
        self.transport.echo()
        self.dispatcher = Dispatcher(0, traffic, context, sessions, readiness.ready)

    def run(self) -> float:
        """Send and receive all messages; return the CPU time of this thread, in µs per message."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        begin_ns, now_ns, ticks = time.thread_time_ns(), 0, 0
        while self.dispatcher.next_ns is not None or self.transport.sent:
            now_ns += TICK_NS
            ticks += 1
            self.dispatcher.release(now_ns)
            self.transport.echo()
            if ticks % TICKS_PER_FLUSH == 0:
                self.history.flush()
                self.latencies.count_batches()
            if ticks % TICKS_PER_SECOND == 0:
                self.latencies.take_second()
        spent_ns = time.thread_time_ns() - begin_ns
        if self.ledger.missing or not self.ledger.settled():
            raise RuntimeError(f"{self.ledger.missing} messages were not presented")
        return spent_ns / 1_000 / self.ledger.acked


def measure(arguments: argparse.Namespace) -> None:
    """Print the cost with the build that runs in this process."""
    with tempfile.TemporaryDirectory() as folder:
        load = Load(Path(folder), arguments.connections, arguments.messages)
        cost_us = load.run()
        load.history.close()
    print(f"{ENGINE.current().kind} {cost_us:.3f}")


def _in_child(kind: str, arguments: argparse.Namespace) -> float:
    command = [sys.executable, "-m", "benchmarks.core", "--measure"]
    sizes: dict[str, Any] = {"connections": arguments.connections, "messages": arguments.messages}
    for name, value in sizes.items():
        command += [f"--{name}", str(value)]
    environment = {
        **os.environ,
        PURE_VARIABLE: "1" if kind == "pure" else "",
        ENGINE.variable: "",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found, cost_us = done.stdout.split()
    if found != kind:
        raise RuntimeError(f"the {kind} build did not run: {done.stderr}")
    return float(cost_us)


def main() -> None:
    """Print the median cost of each build, and their range."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", action="store_true", help="measure the build of this process")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
        return
    kinds = ["pure", *(["compiled"] if ENGINE.current().kind == "compiled" else [])]
    costs_us: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(arguments.repeats):
        for kind, costs in costs_us.items():
            costs.append(_in_child(kind, arguments))
    for kind, costs in costs_us.items():
        median, least, most = statistics.median(costs), min(costs), max(costs)
        print(f"{kind}: {median:.2f} µs per message ({least:.2f} to {most:.2f})")


if __name__ == "__main__":
    main()
