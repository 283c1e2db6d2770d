"""One virtual user: its connection, its receiver and its send_queue.

Pure: the clock, the generator and the sockets are given to it (`Context`, `Transport`).

- It logs in to learn where to connect, dials, says `connect` with its cursors, and reads from the
  history what lies between them and the heads it is told.
- Silence for `ping_ms + pong_ms` means dead; after `ping_ms` it asks with a ping of its own.
- A lost connection comes back after a backoff with full jitter; on the server's `reconnect` the
  new connection is up before the old one is closed.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Kind, RoomEvent
from gauntlet.scenarios.adapters.base import (
    Answer,
    Connected,
    Entry,
    Event,
    EventBatch,
    Gap,
    Heartbeat,
    OverHttp,
    ProtocolError,
    ReconnectRequest,
    SendFrames,
)
from gauntlet.scenarios.client.backoff import Backoff
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.send_queue import SendQueue
from gauntlet.scenarios.workloads.entities import Conversation, Op, User

_BASE_MS = 250
_CAP_MS = 2_000
_REQUEST_NS = 5 * NS_PER_S
_CONNECT_NS = 7 * NS_PER_S
_WAKE_NS = NS_PER_S
_GOODBYE = 1000
_SILENT = 4009
_NONSENSE = 4500
_RENEWED_AT = (0.5, 0.75)  # of a login's life, at random: logins of one moment would come together
_RENEWED_AGAIN = 0.05  # the same, after a renewal that failed


class Session:
    """A user that stays connected from `start` to `stop`, but for planned absences."""

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
        self._context = context
        self._rng = rng
        self._joined: set[str] = set()
        self._rooms: set[str] = set()  # those that he attends
        self._backoff = Backoff(rng, _BASE_MS, _CAP_MS)
        self._wanted = False
        self._moving = False
        self._logging_in = False
        self._logins = 0
        self._dialling: Connection | None = None
        self._address = ""  # where a login, or the target, last said to connect
        self._stalled: Connection | None = None
        self._incarnations = 0

    # What the engine asks for.

    def start(self) -> None:
        """Go online, and stay; or read on."""
        self._wanted = True
        if (connection := self._stalled) is not None:
            self._stalled = None
            self._context.transport.read(connection, on=True)
            # Whoever was not cut off meanwhile comes anew: his app cannot know what it missed.
            self._context.after(_WAKE_NS, partial(self._replace, connection))
        self._log_in()

    def leave(self) -> None:
        """Go offline on purpose."""
        if self._wanted:
            self._note_offline()
        self.stop()

    def stall(self) -> None:
        """Stay connected, but read nothing any more: away on purpose, as a frozen app is."""
        if self.request_channel.connection is not None:
            self._stalled = self.request_channel.connection
            self._note_offline()
            self._context.transport.read(self._stalled, on=False)

    def _note_offline(self) -> None:
        now_ns, number = self._context.now_ns(), self.request_channel.connection_number
        self._context.sink.add(Kind.OFFLINE, now_ns, link=number, peer=self.user.number)

    def stop(self) -> None:
        """Close the connection, and do not come back."""
        self._wanted = False
        for connection in (self.request_channel.connection, self._dialling):
            if connection is not None:
                self._end(connection, _GOODBYE)

    @property
    def connected(self) -> bool:
        """Whether the server has said `connected` on a connection that still lives."""
        return self.request_channel.connection is not None

    def waiting(self, conv: Conversation) -> int:
        """How many of the user's sends in a conversation have not ended."""
        return self.send_queue.waiting(conv.number)

    def submit(self, op: Op, intended_ns: int) -> None:
        """Send an op, now or as soon as its conversation's queue allows."""
        self.send_queue.submit(op, intended_ns)

    def join(self, conv: Conversation, position: int) -> None:
        """The user was put into a room by the event at `position`: attend it."""
        self._joined.add(conv.name)
        self._rooms.add(conv.name)
        self.receiver.join(conv, position)
        if self.request_channel.connection is not None:
            self._send(self.request_channel.connection, self.request_channel.codec.enter(conv.name))

    def attend(self, conv: Conversation, *, on: bool) -> None:
        """Exit a room that one has joined, or enter it again."""
        if conv.name not in self._joined:
            return
        (self._rooms.add if on else self._rooms.discard)(conv.name)
        connection = self.request_channel.connection
        if connection is not None:  # else the next connection shows it
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

    # Connecting: log in, dial, introduce oneself.

    def _log_in(self) -> None:
        """Ask where to connect, unless that is under way or there is no need."""
        if self._lacks_connection() and not self._logging_in:
            login = self.request_channel.codec.login()
            if login is None:
                self._dial(self.request_channel.target_address)
            else:
                self._ask(login)

    def _lacks_connection(self) -> bool:
        alone = self.request_channel.connection is None or self._moving
        # A frozen app does not notice that it was cut off.
        return self._wanted and alone and self._dialling is None and self._stalled is None

    def _ask(self, login: OverHttp[str]) -> None:
        self._logging_in = True
        answered = partial(self._on_login_answer, self.request_channel.gateway)
        self.request_channel.call(login, _REQUEST_NS, answered)

    def _on_login_answer(self, gateway: int, address: str | None) -> None:
        self._logging_in = False
        if address is None:
            self.request_channel.switch_gateway(gateway)
        self._renew_later(failed=address is None)
        # Whoever has a token gets in without the users DB: dial where it was good last.
        self._address = address or self._address
        if not self._address:
            self._retry_later()
        elif self._lacks_connection():
            self._dial(self._address)

    def _renew_later(self, *, failed: bool) -> None:
        """A connection outlives its login, but sends and history need one that is good."""
        self._logins += 1
        if lasts_s := self.request_channel.codec.login_lasts_s():
            share = _RENEWED_AGAIN if failed else self._rng.uniform(*_RENEWED_AT)
            wait_ns = int(share * lasts_s * NS_PER_S)
            self._context.after(wait_ns, partial(self._renew, self._logins))

    def _renew(self, of: int) -> None:
        login = self.request_channel.codec.login()
        latest = of == self._logins and not self._logging_in
        if latest and self._wanted and login is not None:
            self._ask(login)

    def _dial(self, url: str) -> None:
        context = self._context
        address = context.adapter.websocket_url(url)
        connection = Connection(self, address, context.now_ns())
        self._dialling = connection
        context.transport.dial(connection, address)
        context.after(_CONNECT_NS, partial(self._give_up_dialling, connection))

    def _give_up_dialling(self, connection: Connection) -> None:
        if connection is self._dialling:
            self._lose(connection, _SILENT)

    def on_open(self, connection: Connection) -> None:
        """The WebSocket is open: say who one is, and how far one has come."""
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
        self._dialling, self._moving = None, False
        for room in self._rooms:
            self._send(connection, self.request_channel.codec.enter(room))
        if old is not None:
            self._end(old, _GOODBYE)
        context.on_connected(self.user)
        returned = self._incarnations > 1 and not connected.resumed
        self.receiver.on_connected(connected.heads, returned=returned)
        self._watch_silence(connection, connected)

    def _retry_later(self) -> None:
        self._context.after(self._backoff.next_ns(), self._log_in)

    # The life of a connection.

    def on_frame(self, connection: Connection, frame: bytes) -> None:
        """A text frame arrived."""
        if connection.ended:
            return
        connection.last_frame_ns = self._context.now_ns()
        try:
            event = self.request_channel.codec.read(frame)
        except ProtocolError:
            self._lose(connection, _NONSENSE)
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
                for one in event.events:
                    self._on_event(connection, one)
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
                self._context.after(wait_ns, partial(self._move, connection, event.url))
            case _:
                pass  # why the server is about to close; the close itself is what matters

    def on_closed(self, connection: Connection, code: int) -> None:
        """The connection ended, or never came up."""
        if not connection.ended:
            self._end(connection, code)
            self._retry_later()

    def _move(self, connection: Connection, url: str) -> None:
        """Make before break: the new connection closes the old one once it is up."""
        awake = self._wanted and self._stalled is None
        if self.request_channel.connection is connection and awake and self._dialling is None:
            self._moving = True
            self._dial(url)

    def _watch_silence(self, connection: Connection, connected: Connected) -> None:
        if connection.ended or connection is self._stalled:  # who comes back from that comes anew
            return
        context = self._context
        silent_ns = context.now_ns() - connection.last_frame_ns
        ping_ns, pong_ns = connected.ping_ms * NS_PER_MS, connected.pong_ms * NS_PER_MS
        if silent_ns >= ping_ns + pong_ns:
            self._lose(connection, _SILENT)
            return
        if silent_ns >= ping_ns:
            self._send(connection, self.request_channel.codec.ping())
        elif context.now_ns() - connection.dialled_ns >= ping_ns:
            self._backoff.reset()  # it lasted, so that the next loss is another matter
        wait_ns = min(ping_ns, pong_ns) // 2
        context.after(wait_ns, partial(self._watch_silence, connection, connected))

    def _replace(self, connection: Connection) -> None:
        if not connection.ended:
            self._lose(connection, _SILENT)

    def _lose(self, connection: Connection, code: int) -> None:
        """Drop a connection that is of no use, and come back."""
        self._end(connection, code, abort=True)
        self._retry_later()

    def _end(self, connection: Connection, code: int, *, abort: bool = False) -> None:
        if connection.ended:
            return
        connection.ended = True
        context = self._context
        if code == _GOODBYE and connection is self.request_channel.connection:
            self._send(connection, self.request_channel.codec.goodbye())
        if connection.number:
            context.counters.disconnects += 1
            context.sink.add(
                Kind.DISCONNECT,
                context.now_ns(),
                link=connection.number,
                peer=self.user.number,
                spare=code,
            )
        if self.request_channel.connection is connection:
            self.request_channel.connection = None
            self.request_channel.codec.lost()
        if self._dialling is connection:
            self._dialling = None
            if (
                self.request_channel.codec.login() is None
            ):  # else the next login names another address
                self.request_channel.switch_gateway(self.request_channel.gateway)
        context.transport.close(connection, abort=abort)

    def _send(self, connection: Connection, frame: bytes) -> None:
        if frame:
            self._context.transport.send(connection, frame)
