"""What all sessions of a worker share: clock, timers, sink, names and the transport."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gauntlet.core.history import Kind
from gauntlet.scenarios.adapters.base import Adapter, Request, Response
from gauntlet.scenarios.client.payload import BodyCache
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.workloads.entities import Conversation, User

if TYPE_CHECKING:
    from gauntlet.scenarios.client.connection import Connection


class Sink(Protocol):
    """Takes history records (`gauntlet.scenarios.recording.history_writer.HistoryWriter`)."""

    def add(  # noqa: PLR0913, PLR0917 - the fields of a record
        self,
        kind: Kind,
        t_ns: int,
        ref_ns: int = 0,
        conv: int = 0,
        link: int = 0,
        peer: int = 0,
        sseq: int = 0,
        seq: int = 0,
        flags: int = 0,
        spare: int = 0,
    ) -> None:
        """Append one record."""


class Transport(Protocol):
    """Carries out what sessions decide. Every call returns at once."""

    def request(
        self,
        gateway: int,
        request: Request,
        timeout_ns: int,
        answered: Callable[[Response | None], None],
    ) -> None:
        """Ask a gateway; `answered` is called once, with None where no answer came in time."""

    def dial(self, connection: "Connection", url: str) -> None:
        """Open a connection; the connection's session hears `on_open`, and once `on_closed`."""

    def send(self, connection: "Connection", frame: bytes) -> None:
        """Send a frame, if the connection is still there."""

    def read(self, connection: "Connection", *, on: bool) -> None:
        """Stop or go on reading from a connection: what comes stays in the system's buffers."""

    def close(self, connection: "Connection", *, abort: bool = False) -> None:
        """End a connection: with a goodbye (1000), or at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client waits for what; all in nanoseconds but `body_bytes`."""

    attempt_timeout_ns: int
    give_up_after_ns: int
    body_bytes: int


@dataclass(slots=True)
class Counters:
    """What happened to connections, and how many pushes came twice."""

    reconnects: int = 0
    disconnects: int = 0
    raw_duplicates: int = 0
    holes: int = 0


@dataclass(slots=True)
class Context:
    """Shared by all sessions; tests put in a fake clock, port and sink."""

    now_ns: Callable[[], int]
    timers: Timers
    transport: Transport
    sink: Sink
    adapter: Adapter
    ledger: Ledger
    latencies: Latencies
    limits: Limits
    api: list[str]
    conversations: dict[str, Conversation]
    conversations_of: dict[int, list[Conversation]]  # by user number
    user_numbers: dict[str, int]
    register_connection: Callable[["Connection"], int]  # gives it its number and row
    on_connected: Callable[[User], None]  # he has a new connection, on that device
    counters: Counters = field(default_factory=Counters)
    bodies: BodyCache = field(default_factory=BodyCache)
    tag: str = ""  # of this run, in every message's id

    def after(self, wait_ns: int, call: Callable[[], None]) -> None:
        """Have a call made in a while; the callee checks whether it is still wanted."""
        self.timers.at(self.now_ns() + wait_ns, call)
