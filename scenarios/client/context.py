"""What all sessions of a worker share: clock, timers, sink, names and the transport."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, final

from gauntlet.builds import mypyc_attr
from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.scenarios.adapters.base import Adapter, Request, Response
from gauntlet.scenarios.client.payload import BodyCache, MessageNames
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.metrics.server_times import ServerTimes
from gauntlet.scenarios.workloads.entities import Conversation, User
from gauntlet.scenarios.workloads.message_texts import MessageTexts

if TYPE_CHECKING:
    from gauntlet.scenarios.client.connection import Connection, Dial

_ABOUT_NS = 100 * NS_PER_MS


@mypyc_attr(allow_interpreted_subclasses=True)
class Sink(ABC):
    """Accepts history records (`gauntlet.scenarios.recording.history_writer.HistoryWriter`).

    A class and no protocol, because compiled code calls its methods directly.
    """

    @abstractmethod
    def write(  # noqa: PLR0913, PLR0917 - the fields of a record
        self,
        kind: int,
        t_ns: int,
        ref_ns: int,
        conv: int,
        link: int,
        peer: int,
        sseq: int,
        seq: int,
        flags: int,
        spare: int,
    ) -> None:
        """Append one record; `link` is the number of a connection."""

    @final
    def add(  # noqa: PLR0913, PLR0917 - same
        self,
        kind: int,
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
        """Append a record of which some fields are 0."""
        self.write(kind, t_ns, ref_ns, conv, link, peer, sseq, seq, flags, spare)


class Transport(Protocol):
    """Performs the network actions of sessions. No method blocks."""

    def request(
        self,
        gateway: int,
        request: Request,
        timeout_ns: int,
        on_response: Callable[[Response | None], None],
    ) -> None:
        """Send a request; `on_response` is called once, with None if no response came in time."""

    def dial(self, connection: "Connection", dial: "Dial") -> None:
        """Open a connection; its session receives `on_open`, and exactly one `on_closed`."""

    def start_tls(self, connection: "Connection", on_done: Callable[[], None]) -> None:
        """Begin TLS on a TCP connection; `on_done` is called if it succeeds."""

    def send(self, connection: "Connection", frame: bytes) -> None:
        """Send a frame if the connection is still open."""

    def read(self, connection: "Connection", *, on: bool) -> None:
        """Pause or resume reading; while paused, data stays in the buffers of the system."""

    def close(self, connection: "Connection", *, abort: bool = False) -> None:
        """Close a connection with code 1000, or drop it without a close frame (`abort`)."""


@dataclass(frozen=True)
class Limits:
    """Time-outs of sends, in nanoseconds, and the size of a message body (0: that of its text)."""

    attempt_timeout_ns: int
    give_up_after_ns: int
    body_bytes: int


@dataclass
class Counters:
    """Counts of connections, and of pushes and positions that are not as they should be.

    `connections` are those on which a user is connected now. `raw_duplicates` were received more
    than once, `backward` came after a later position on the same connection, and `holes` are
    positions that the history does not contain.
    """

    connections: int = 0
    reconnects: int = 0
    disconnects: int = 0
    raw_duplicates: int = 0
    backward: int = 0
    holes: int = 0


@dataclass
class Context:
    """Shared by all sessions of a worker; tests pass a fake clock, transport and sink."""

    now_ns: Callable[[], int]
    timers: Timers
    transport: Transport
    sink: Sink
    adapter: Adapter
    ledger: Ledger
    latencies: Latencies
    limits: Limits
    api: list[str]  # the addresses of the target
    conversations: dict[str, Conversation]  # by name
    conversations_of: dict[int, list[Conversation]]  # by user number
    user_numbers: dict[str, int]  # by user name
    register_connection: Callable[["Connection"], int]  # writes its row and returns its number
    on_connected: Callable[[User], None]  # called for the user and device of a new connection
    errors: ErrorLog
    counters: Counters = field(default_factory=Counters)
    tag: str = ""  # identifies the run in message ids and bodies
    older_accounts: bool = False  # accounts may hold messages of earlier runs
    signs_up: bool = False  # users create their accounts before they log in
    states_heads: bool = False  # the server has named heads when it accepted a connection
    # Conversations that it did not name before that: when their user dialled, theirs and the
    # number of the connection.
    unnamed_heads: list[tuple[int, int, int]] = field(default_factory=list)
    texts: MessageTexts | None = None  # of the bodies whose size is not fixed
    # Called with what a user has created on the system: its kind and its name.
    on_created: Callable[[User, str, str], None] = lambda _user, _kind, _name: None
    # Called with the number and the name of an account that takes no part in the load.
    on_account: Callable[[int, str], None] = lambda _number, _name: None
    wall_ns: Callable[[], int] = time.time_ns  # the time of day
    bodies: BodyCache = field(init=False)
    names: MessageNames = field(init=False)
    server_times: ServerTimes = field(init=False)
    user_names: dict[int, str] = field(init=False)  # by user number

    def __post_init__(self) -> None:
        self.bodies = BodyCache(self.tag.rstrip("-"), texts=self.texts)
        self.names = MessageNames(
            self.tag,
            per_sender=bool(self.adapter.ids_are_per_sender),
            compared=SERVER_SEQ in self.adapter.capabilities,
            stamp_unit_s=self.adapter.traits.stamp_unit_s,
        )
        self.server_times = ServerTimes(self.now_ns, self.wall_ns)
        self.user_names = {number: name for name, number in self.user_numbers.items()}

    def after(self, wait_ns: int, call: Callable[[], None]) -> None:
        """Schedule a call, which cannot be cancelled: it must check whether it still applies."""
        self.timers.at(self.now_ns() + wait_ns, call)

    def after_about(self, wait_ns: int, call: Callable[[], None]) -> None:
        """Schedule a call that may come up to an eighth later, or `_ABOUT_NS`, whichever is less.

        Such calls come together, so that many idle users do not wake the engine one by one.
        """
        at_ns = self.now_ns() + wait_ns
        step_ns = max(1, min(_ABOUT_NS, wait_ns // 8))
        self.timers.at(at_ns + -at_ns % step_ns, call)
