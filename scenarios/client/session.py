"""One virtual user: its connections, its receiver and its send queue.

Pure: the clock, the random generator and the transport are passed in (`Context`, `Transport`).

- The session logs in to learn the address (`login.py`), dials it, sends the opening frame with
  its cursors, and reads the history between the cursors and the heads that the server reports.
- `liveness.py` detects dead connections.
- After a lost connection the session reconnects with exponential backoff and full jitter. When the
  server requests a reconnect, the new connection is established before the old one is closed.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Kind, RoomEvent
from gauntlet.scenarios.adapters.base import (
    Answer,
    Connected,
    Entry,
    Event,
    EventBatch,
    Gap,
    Heartbeat,
    ProtocolError,
    ReconnectRequest,
    SendFrames,
)
from gauntlet.scenarios.client.backoff import Backoff
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.liveness import Liveness
from gauntlet.scenarios.client.login import Login
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.send_queue import SendQueue
from gauntlet.scenarios.workloads.entities import Conversation, Op, User

_BACKOFF_BASE_MS = 250
_BACKOFF_CAP_MS = 2_000
_CLOSE_NORMAL = 1000
_CLOSE_PROTOCOL_ERROR = 4500


class Session:
    """A user on one device who stays connected from `start` to `stop`, except for absences.

    `online` is whether the user is to be connected.
    """

    def __init__(
        self,
        context: Context,
        user: User,
        rng: Random,
        receiver: Callable[[Context, User, RequestChannel], Receiver] = Receiver,
    ) -> None:
        self.user = user
        self.request_channel = RequestChannel(context, user, user.number)
        self.send_queue = SendQueue(context, self.request_channel, rng)
        self.receiver = receiver(context, user, self.request_channel)
        self.online = False
        self._context = context
        self._joined: set[str] = set()  # names of rooms that the user is a member of
        self._attended: set[str] = set()  # those that the user has entered
        self._backoff = Backoff(rng, _BACKOFF_BASE_MS, _BACKOFF_CAP_MS)
        self._login = Login(context, self.request_channel, rng, self)
        self._liveness = Liveness(context, self.request_channel, self._backoff, self._drop)
        self._reconnecting = False  # at the request of the server
        self._dialling: Connection | None = None
        self._incarnations = 0

    # Actions of the engine.

    def start(self) -> None:
        """Go online and stay online; after `stall`, read again."""
        self.online = True
        self._liveness.wake()
        self._connect()

    def leave(self) -> None:
        """Go offline for a planned absence."""
        if self.online:
            self._record_offline()
        self.stop()

    def stall(self) -> None:
        """Begin a planned absence in which the user stays connected but reads nothing."""
        if (connection := self.request_channel.connection) is not None:
            self._record_offline()
            self._liveness.stall(connection)

    def _record_offline(self) -> None:
        now_ns, link = self._context.now_ns(), self.request_channel.connection_number
        self._context.sink.add(Kind.OFFLINE, now_ns, link=link, peer=self.user.number)

    def stop(self) -> None:
        """Close the connection and stay offline."""
        self.online = False
        for connection in (self.request_channel.connection, self._dialling):
            if connection is not None:
                self._end(connection, _CLOSE_NORMAL)

    @property
    def connected(self) -> bool:
        """Whether the server has accepted the user on a connection that is still open."""
        return self.request_channel.connection is not None

    def pending_sends(self, conv: Conversation) -> int:
        """Return how many of the user's sends in a conversation have not ended."""
        return self.send_queue.pending(conv.number)

    def submit(self, op: Op, intended_ns: int) -> None:
        """Send an op as soon as the earlier ones of its conversation have ended."""
        self.send_queue.submit(op, intended_ns)

    def join(self, conv: Conversation, position: int) -> None:
        """Enter a room that the user was added to by the event at `position`."""
        self._joined.add(conv.name)
        self._attended.add(conv.name)
        self.receiver.join(conv, position)
        if self.request_channel.connection is not None:
            self._send(self.request_channel.connection, self.request_channel.codec.enter(conv.name))

    def attend(self, conv: Conversation, *, on: bool) -> None:
        """Enter or exit a room; does nothing if the user is not a member."""
        if conv.name not in self._joined:
            return
        (self._attended.add if on else self._attended.discard)(conv.name)
        connection = self.request_channel.connection
        if connection is not None:  # otherwise the next connection enters the right rooms
            event = RoomEvent.ENTERED if on else RoomEvent.EXITED
            self._context.sink.add(
                Kind.ATTEND,
                self._context.now_ns(),
                conv=conv.number,
                link=connection.number,
                peer=self.user.number,
                sseq=event,
            )
            codec = self.request_channel.codec
            self._send(connection, (codec.enter if on else codec.exit)(conv.name))

    # Connecting: log in, dial, open.

    def _connect(self) -> None:
        if self._needs_connection():
            self._login.request_address()

    def _needs_connection(self) -> bool:
        without = self.request_channel.connection is None or self._reconnecting
        # A stalled app does not notice that its connection was closed.
        awake = self._liveness.stalled is None
        return self.online and without and self._dialling is None and awake

    def on_address(self, address: str) -> None:
        """Dial the address from a login, or try again later if there is none."""
        if not address:
            self._connect_later()
        elif self._needs_connection():
            self._dial(address)

    def _dial(self, url: str) -> None:
        context = self._context
        address = context.adapter.websocket_url(url)
        connection = Connection(self, address, context.now_ns())
        self._dialling = connection
        context.transport.dial(connection, address)
        self._liveness.watch_dial(connection)

    def on_open(self, connection: Connection) -> None:
        """Send the opening frame: the WebSocket is open."""
        self._send(connection, self.request_channel.codec.open(self.receiver.cursors()))

    def _on_connected(self, connection: Connection, connected: Connected) -> None:
        if connection is not self._dialling:
            return
        context = self._context
        self._incarnations += 1
        context.counters.reconnects += self._incarnations > 1
        connection.incarnation = self._incarnations
        connection.connected = connected
        connection.number = context.register_connection(connection)
        context.sink.add(
            Kind.CONNECT,
            context.now_ns(),
            ref_ns=connection.dialled_ns,
            link=connection.number,
            peer=self.user.number,
        )
        old, self.request_channel.connection = self.request_channel.connection, connection
        self._dialling, self._reconnecting = None, False
        for room in self._attended:
            self._send(connection, self.request_channel.codec.enter(room))
        if old is not None:
            self._end(old, _CLOSE_NORMAL)
        context.on_connected(self.user)
        returned = self._incarnations > 1 and not connected.resumed
        self.receiver.on_connected(connected.heads, returned=returned)
        self._liveness.watch(connection, connected)

    def _connect_later(self) -> None:
        self._context.after(self._backoff.next_ns(), self._connect)

    # The life of a connection.

    def on_frame(self, connection: Connection, frame: bytes) -> None:
        """Handle a received text frame."""
        if connection.ended:
            return
        connection.last_frame_ns = self._context.now_ns()
        try:
            event = self.request_channel.codec.read(frame)
        except ProtocolError:
            self._drop(connection, _CLOSE_PROTOCOL_ERROR)
            return
        self._on_event(connection, event)

    def _on_event(self, connection: Connection, event: Event) -> None:
        match event:
            case Entry():
                self.receiver.on_entry(connection, event)
            case Answer():
                self.request_channel.complete(event.ticket, event.value)
            case SendFrames():
                for frame in event.frames:
                    self._send(connection, frame)
            case EventBatch():
                for inner_event in event.events:
                    self._on_event(connection, inner_event)
            case Heartbeat():
                if event.answer:
                    self._send(connection, event.answer)
                self.receiver.on_heads(event.heads, fresh=False)
            case Gap():
                self.receiver.on_gap(connection, event)
            case Connected():
                self._on_connected(connection, event)
            case ReconnectRequest():
                wait_ns = event.delay_ms * NS_PER_MS
                self._context.after(wait_ns, partial(self._reconnect, connection, event.url))
            case _:
                pass  # `Refused`: only the close that follows it matters

    def on_closed(self, connection: Connection, code: int) -> None:
        """Reconnect later: the connection has ended, or could not be opened."""
        if not connection.ended:
            self._end(connection, code)
            self._connect_later()

    def _reconnect(self, connection: Connection, url: str) -> None:
        """Dial a new connection, which closes the old one once it is established."""
        awake = self.online and self._liveness.stalled is None
        if self.request_channel.connection is connection and awake and self._dialling is None:
            self._reconnecting = True
            self._dial(url)

    def _drop(self, connection: Connection, code: int) -> None:
        """End a connection without a close frame, and reconnect later."""
        self._end(connection, code, abort=True)
        self._connect_later()

    def _end(self, connection: Connection, code: int, *, abort: bool = False) -> None:
        if connection.ended:
            return
        connection.ended = True
        context, request_channel = self._context, self.request_channel
        if code == _CLOSE_NORMAL and connection is request_channel.connection:
            self._send(connection, request_channel.codec.goodbye())
        if connection.number:
            context.counters.disconnects += 1
            context.sink.add(
                Kind.DISCONNECT,
                context.now_ns(),
                link=connection.number,
                peer=self.user.number,
                spare=code,
            )
        if request_channel.connection is connection:
            request_channel.connection = None
            request_channel.codec.lost()
        if self._dialling is connection:
            self._dialling = None
            if request_channel.codec.login() is None:  # otherwise the login names the address
                request_channel.switch_gateway(request_channel.gateway)
        context.transport.close(connection, abort=abort)

    def _send(self, connection: Connection, frame: bytes) -> None:
        if frame:
            self._context.transport.send(connection, frame)
