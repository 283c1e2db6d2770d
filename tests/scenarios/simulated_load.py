"""A load against a simulated server, without sockets, clocks or threads: the same for one seed.

    python -P tests/scenarios/simulated_load.py SEED FOLDER [ADAPTER]

writes the history of the load into FOLDER and prints the number of records of each kind. Responses
and pushes take random times; pushes are lost, doubled and delayed, sends are refused or get no
answer, and connections break. The random numbers are those of the seed, so that two builds of the
engine must write the same bytes.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import RECORD, Kind
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

TICK_NS = NS_PER_MS
BEGIN_NS = NS_PER_S  # the reading of the clock at which the arrivals begin
END_NS = 9 * NS_PER_S


class Server:
    """A server of `im.v1` in memory; it is also the transport of the sessions."""

    def __init__(self, rng: random.Random, timers: Timers, now_ns: Callable[[], int]) -> None:
        self._rng, self._timers, self._now_ns = rng, timers, now_ns
        self._entries: dict[str, list[dict[str, Any]]] = {}
        self._connections: dict[str, Connection] = {}

    def _later(self, call: Callable[[], None], most_ms: int = 20) -> None:
        self._timers.at(self._now_ns() + self._rng.randrange(1, most_ms * NS_PER_MS), call)

    def _happens(self, percent: float) -> bool:
        return self._rng.random() * 100 < percent

    # The interface `Transport`.

    def request(
        self,
        gateway: int,
        request: Request,
        timeout_ns: int,
        on_response: Callable[[Response | None], None],
    ) -> None:
        status, body = self._answer(request)
        if request.path.endswith("/messages") and self._happens(12):
            self._timers.at(self._now_ns() + timeout_ns, lambda: on_response(None))
        else:
            response = Response(status, json.dumps(body).encode())
            self._later(lambda: on_response(response))

    def dial(self, connection: Connection, dial: Dial) -> None:
        if self._happens(10):
            self._later(lambda: connection.session.on_closed(connection, 1006))
        else:
            self._later(lambda: connection.session.on_open(connection, Response(101, b"")))

    def start_tls(self, connection: Connection, on_done: Callable[[], None]) -> None:
        raise NotImplementedError

    def send(self, connection: Connection, frame: bytes) -> None:
        said = json.loads(frame)
        if "connect" in said:
            user = said["connect"]["token"]
            self._connections[user] = connection
            heads = {
                conv: len(entries)
                for conv, entries in self._entries.items()
                if user in conv.split(".")
            }
            greeting = {"client": "edge-blue-1|1", "ping_ms": 400, "pong_ms": 200, "heads": heads}
            self._push(connection, {"connected": greeting})
        elif "ping" in said and not self._happens(2):
            self._push(connection, {"pong": {}})

    def read(self, connection: Connection, *, on: bool) -> None:
        """Do nothing: no user stalls."""

    def close(self, connection: Connection, *, abort: bool = False) -> None:
        """Do nothing: what is still on its way is ignored by the session."""

    # The server.

    def _answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path == "/v1/sessions":
            user = json.loads(request.body)["user"]
            return 201, {"token": user, "connect": {"url": "ws://127.0.0.1:9"}}
        conv = request.path.split("/")[3]
        entries = self._entries.setdefault(conv, [])
        if request.method == "GET":
            after = int(request.path.partition("after=")[2].partition("&")[0])
            rows = [{"type": "msg", **entry} for entry in entries[after : after + 500]]
            return 200, {"messages": rows, "head": len(entries)}
        if self._happens(4):
            refusal = {"code": "busy", "temporary": self._happens(80), "stored": "no"}
            return 503, {"error": refusal}
        return self._store(conv, entries, request)

    def _store(
        self, conv: str, entries: list[dict[str, Any]], request: Request
    ) -> tuple[int, dict[str, Any]]:
        said = json.loads(request.body)
        for entry in entries:
            if (entry["client_msg_id"], entry["sender"]) == (said["client_msg_id"], request.token):
                return 200, {"seq": entry["seq"], "conv": conv, "dup": True}
        seq = len(entries) + 1
        entry = {"seq": seq, "sender": request.token, "msg_id": f"{conv}/{seq}", **said}
        entries.append(entry)
        for user in conv.split(".")[1:]:
            connection = self._connections.get(user)
            if connection is not None and not self._happens(3):
                for _ in range(2 if self._happens(3) else 1):
                    self._push(connection, {"msg": {"conv": conv, **entry}})
                if self._happens(1):
                    self._break(user, connection)
        return 201, {"seq": seq, "conv": conv, "msg_id": entry["msg_id"], "ts": seq}

    def _push(self, connection: Connection, content: dict[str, Any]) -> None:
        frame = json.dumps(content).encode()
        self._later(lambda: connection.session.on_frame(connection, frame))

    def _break(self, user: str, connection: Connection) -> None:
        del self._connections[user]
        self._later(lambda: connection.session.on_closed(connection, 1006), most_ms=60)


def run(seed: int, folder: Path, adapter: str = "reference") -> None:
    """Run the load, and write its history."""
    load = {"users": 12, "workload": {"direct": 1}, "rate": "150/s", "ramp": "1s", "steady": "6s"}
    more = {"arrivals": "poisson", "queue_max": 3}
    scenario = from_builtins(
        {"version": 1, "name": "x", "about": "x", "seed": seed, "load": {**load, **more}}
    )
    time_ns = [0]
    traffic, timers, history = Traffic(scenario, Stripe()), Timers(), HistoryWriter(folder, 0)
    server = Server(random.Random(seed), timers, lambda: time_ns[0])
    ledger = Ledger()

    def mark_ready(conv: Conversation) -> None:
        readiness.mark_ready(conv)

    readiness = Readiness(ledger, traffic.conversations.values(), mark_ready)
    numbers: list[Connection] = []

    def register(connection: Connection) -> int:
        numbers.append(connection)
        return len(numbers)

    context = Context(
        now_ns=lambda: time_ns[0],
        timers=timers,
        transport=server,
        sink=history,
        adapter=adapters.find(adapter)({}),
        ledger=ledger,
        latencies=Latencies(),
        limits=Limits(300 * NS_PER_MS, NS_PER_S, 0),
        api=["http://127.0.0.1:9"],
        conversations=traffic.conversations,
        conversations_of=readiness.conversations_of,
        user_numbers={user.name: user.number for user in traffic.users},
        register_connection=register,
        on_connected=readiness.on_connected,
        errors=ErrorLog(lambda: time_ns[0]),
        wall_ns=lambda: time_ns[0] + 5,
    )
    sessions = {
        user.device_key: Session(context, user, random.Random(f"{seed}/{user.name}"))
        for user in traffic.users
    }
    for session in sessions.values():
        session.start()
    dispatcher = Dispatcher(BEGIN_NS, traffic, context, sessions, readiness.ready)
    while time_ns[0] < END_NS:
        time_ns[0] += TICK_NS
        dispatcher.release(time_ns[0])
        timers.run_due(time_ns[0])
    for session in sessions.values():
        session.send_queue.abandon()
        session.stop()
    history.close()


def kinds(folder: Path) -> Counter[str]:
    """Return the number of records of each kind."""
    files = sorted(folder.glob("*.bin"))
    rows = [row for file in files for row in RECORD.iter_unpack(file.read_bytes())]
    return Counter(Kind(row[7]).name for row in rows)


if __name__ == "__main__":
    run(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
    print(json.dumps(kinds(Path(sys.argv[2])), sort_keys=True))
