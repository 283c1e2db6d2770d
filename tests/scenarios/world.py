"""Fakes for sessions: a clock, a transport without sockets, and a sink that keeps records."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Kind
from gauntlet.scenarios.adapters.base import Request, Response
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.client.connection import Connection, Dial
from gauntlet.scenarios.client.context import Context, Limits, Sink
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.workloads.entities import Conversation, User

FIELDS = ("ref_ns", "conv", "link", "peer", "sseq", "seq", "flags", "spare")
ANN, BOB = User(1, "u0-0"), User(2, "u0-1")
TALK = Conversation(1, "d.u0-0.u0-1", "direct", (1, 2))
ROOM = Conversation(2, "r.w0-0", "group", (1, 2))


class Asked(NamedTuple):
    """A request without an answer."""

    gateway: int
    request: Request
    timeout_ns: int
    answered: Callable[[Response | None], None]

    def answer(self, status: int, body: Any, retry_after_s: float = 0.0) -> None:
        self.answered(Response(status, json.dumps(body).encode(), retry_after_s))

    def fail(self) -> None:
        self.answered(None)


class Fields(dict[str, int]):
    """The fields of a record; one that is missing is 0, as in a history."""

    def __missing__(self, name):
        return 0

    def __eq__(self, other):
        return {k: v for k, v in self.items() if v} == {k: v for k, v in other.items() if v}

    __hash__ = None


class Kept(NamedTuple):
    """A record."""

    kind: int
    t_ns: int
    fields: Fields


class World(Sink):
    """The transport, the sink and the clock of sessions."""

    def __init__(self, adapter=None) -> None:
        self.time_ns = NS_PER_S
        self.asked: list[Asked] = []
        self.dialled: list[Connection] = []
        self.dials: list[Dial] = []
        self.tls: list[Connection] = []
        self.frames: list[tuple[Connection, dict[str, Any]]] = []
        self.closed: list[tuple[Connection, bool]] = []
        self.reading: list[tuple[Connection, bool]] = []
        self.records: list[Kept] = []
        self.connections = 0
        self.connected: list[int] = []
        self.timers = Timers()
        self.errors = ErrorLog(lambda: self.time_ns)
        self.ledger = Ledger()
        for conv in (TALK, ROOM):
            self.ledger.open(conv)
            for user in conv.members:
                self.ledger.watch(conv.number, user)
        self.context = Context(
            now_ns=lambda: self.time_ns,
            timers=self.timers,
            transport=self,
            sink=self,
            adapter=adapter or Reference({}),
            ledger=self.ledger,
            latencies=Latencies(),
            limits=Limits(2 * NS_PER_S, 10 * NS_PER_S, 120),
            api=["ws://127.0.0.1:9"],
            conversations={TALK.name: TALK, ROOM.name: ROOM},
            conversations_of={user.number: [TALK, ROOM] for user in (ANN, BOB)},
            user_numbers={ANN.name: ANN.number, BOB.name: BOB.number},
            register_connection=self.register_connection,
            on_connected=self.connected.append,
            errors=self.errors,
        )

    def pass_ms(self, wait_ms: float, step_ms: float = 10) -> None:
        """Let time pass, and make the calls that are due meanwhile."""
        end_ns = self.time_ns + int(wait_ms * NS_PER_MS)
        while self.time_ns < end_ns:
            self.time_ns = min(end_ns, self.time_ns + int(step_ms * NS_PER_MS))
            self.timers.run_due(self.time_ns)

    def take(self) -> Asked:
        """Return the oldest request without an answer, and remove it."""
        return self.asked.pop(0)

    def body(self, asked: Asked) -> str:
        """Return the body of the message in a request."""
        return json.loads(asked.request.body)["body"]

    def kinds(self, *kinds: Kind) -> list[Kept]:
        """Return the records of some kinds."""
        return [record for record in self.records if record.kind in kinds]

    def sent(self, connection: Connection) -> list[dict[str, Any]]:
        """Return the frames sent on a connection."""
        return [frame for on, frame in self.frames if on is connection]

    # The interface `Transport`.

    def request(self, gateway, request, timeout_ns, answered) -> None:
        self.asked.append(Asked(gateway, request, timeout_ns, answered))

    def dial(self, connection, dial) -> None:
        self.dialled.append(connection)
        self.dials.append(dial)

    def start_tls(self, connection, on_done) -> None:
        self.tls.append(connection)
        on_done()

    def send(self, connection, frame) -> None:
        self.frames.append((connection, json.loads(frame)))

    def read(self, connection, *, on) -> None:
        self.reading.append((connection, on))

    def close(self, connection, *, abort=False) -> None:
        self.closed.append((connection, abort))

    # The interface `Sink`, and the registration of connections.

    def write(self, kind, t_ns, *fields) -> None:
        self.records.append(Kept(kind, t_ns, Fields(zip(FIELDS, fields, strict=True))))

    def register_connection(self, connection) -> int:
        self.connections += 1
        return self.connections
