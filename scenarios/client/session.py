"""One virtual user: its connections, its receiver and its send queue.

Pure: the clock, the random generator and the transport are passed in (`Context`, `Transport`).

- The session logs in to learn the address (`login.py`), dials it, sends the opening frame with
  its cursors, and reads the history between the cursors and the heads that the server reports.
- `liveness.py` detects dead connections.
- After a lost connection the session reconnects with exponential backoff and full jitter. When the
  server requests a reconnect, the new connection is established before the old one is closed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Final

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import ClosedBy, Kind, RoomEvent
from gauntlet.scenarios.adapters.base import (
    Answer,
    Connected,
    Created,
    Entry,
    Event,
    EventBatch,
    Gap,
    Heartbeat,
    ProtocolError,
    ReconnectRequest,
    Refused,
    Response,
    SendFrames,
    StartTls,
)
from gauntlet.scenarios.adapters.limits import check_connected, check_entry, check_event
from gauntlet.scenarios.client.backoff import SESSION_BASE_MS, SESSION_CAP_MS, Backoff
from gauntlet.scenarios.client.connection import Connection, Dial
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.liveness import Liveness
from gauntlet.scenarios.client.login import Login
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.send_queue import SendQueue
from gauntlet.scenarios.metrics import error_log
from gauntlet.scenarios.workloads.entities import Conversation, Op, User

_CLOSE_NORMAL = 1000
_CLOSE_ABNORMAL = 1006
_CLOSE_PROTOCOL_ERROR = 4500
_REQUESTS_APART_NS = NS_PER_S  # of the server's requests to reconnect
_ATTENDANCE_TIMEOUT_NS = 5 * NS_PER_S
# Users without rooms share it: Python makes a new object for every empty set.
_NO_ROOMS: Final[frozenset[str]] = frozenset()


class Session:
    """A user on one device who stays connected from `start` to `stop`, except for absences.

    `online` is whether the user is to be connected.
    """

    __slots__ = (
        "_attended",
        "_backoff",
        "_context",
        "_dialling",
        "_incarnations",
        "_joined",
        "_liveness",
        "_login",
        "_reconnecting",
        "_requested",
        "_requested_ns",
        "online",
        "receiver",
        "request_channel",
        "send_queue",
        "user",
    )

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
        # Names of rooms: those that the user is a member of, and those that the user has entered.
        self._joined = _NO_ROOMS
        self._attended = _NO_ROOMS
        self._backoff = Backoff(rng, SESSION_BASE_MS, SESSION_CAP_MS)
        self._login = Login(context, self.request_channel, rng, self)
        self._liveness = Liveness(context, self.request_channel, self._backoff, self._drop)
        self._reconnecting = False  # at the request of the server
        self._requested: Connection | None = None  # the connection of the latest request
        self._requested_ns = -_REQUESTS_APART_NS
        self._dialling: Connection | None = None
        self._incarnations = 0

    # Actions of the engine.

    def start(self) -> None:
        """Go online and stay online; after `stall`, read again."""
        self.online = True
        self._liveness.wake()
        self._connect()

    def leave(self) -> None:
        """Go offline for a planned absence, every second user after exiting all rooms."""
        if self.online:
            self._record_offline()
            if self._attended and self.user.number % 2 == 0:
                self._exit_all()
        self.stop()

    def _exit_all(self) -> None:
        """Exit all rooms at once; the next connection enters them again."""
        connection = self.request_channel.connection
        if connection is None:
            return
        frame = self.request_channel.ask(self.request_channel.codec.exit_all)
        if frame:
            for room in sorted(self._attended):
                conv = self._context.conversations[room]
                self._record_attendance(connection, conv, RoomEvent.EXITED)
            self._send(connection, frame)

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

    def cut(self) -> None:
        """Lose the connection as by a failure of the network, and stay offline until `start`."""
        self.online = False
        for connection in (self.request_channel.connection, self._dialling):
            if connection is not None:
                self._end(connection, _CLOSE_ABNORMAL, abort=True)

    @property
    def connected(self) -> bool:
        """Whether the server has accepted the user on a connection that is still open."""
        return self.request_channel.connection is not None

    @property
    def reads(self) -> bool:
        """Whether the user is not in a planned absence in which they read nothing (`stall`)."""
        return self._liveness.stalled is None

    def pending_sends(self, conv: Conversation) -> int:
        """Return how many of the user's sends in a conversation have not ended."""
        return self.send_queue.pending(conv.number)

    def submit(self, op: Op, intended_ns: int) -> None:
        """Send an op as soon as the earlier ones of its conversation have ended."""
        self.send_queue.submit(op, intended_ns)

    def join(self, conv: Conversation, position: int) -> None:
        """Enter a room that the user was added to by the event at `position`."""
        self._joined |= {conv.name}
        self._attended |= {conv.name}
        self.receiver.join(conv, position)
        if (connection := self.request_channel.connection) is not None:
            self._change_attendance(connection, conv.name, on=True)

    def expel(self, conv: Conversation) -> None:
        """Note that the user was removed from a room, or may have been."""
        self._joined -= {conv.name}
        self._attended -= {conv.name}
        self.receiver.expel(conv)

    def is_member(self, conv: Conversation) -> bool:
        """Return whether the user was added to a room and not removed from it since."""
        return conv.name in self._joined

    def attend(self, conv: Conversation, *, on: bool) -> None:
        """Enter or exit a room; does nothing if the user is not a member."""
        if conv.name not in self._joined:
            return
        room = {conv.name}
        self._attended = self._attended | room if on else self._attended - room
        connection = self.request_channel.connection
        if connection is not None:  # otherwise the next connection enters the right rooms
            event = RoomEvent.ENTERED if on else RoomEvent.EXITED
            self._record_attendance(connection, conv, event)
            self._change_attendance(connection, conv.name, on=on)

    def _record_attendance(
        self, connection: Connection, conv: Conversation, event: RoomEvent
    ) -> None:
        self._context.sink.add(
            Kind.ATTEND,
            self._context.now_ns(),
            conv=conv.number,
            link=connection.number,
            peer=self.user.number,
            sseq=event,
        )

    def _change_attendance(self, connection: Connection, room: str, *, on: bool) -> None:
        codec = self.request_channel.codec
        request = self.request_channel.ask(codec.enter if on else codec.exit, room)
        if isinstance(request, bytes):
            self._send(connection, request)
        elif request is not None:
            on_result = partial(self._on_attendance, room, on)
            self.request_channel.call(request, _ATTENDANCE_TIMEOUT_NS, on_result)

    def _on_attendance(self, room: str, on: bool, accepted: bool | None) -> None:  # noqa: FBT001 - a callback
        if not accepted:
            action = "enter" if on else "exit"
            self._context.errors.record(
                error_log.REFUSED, f"{self.user.name} could not {action} {room}"
            )

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

    def on_account_created(self) -> None:
        """Note that the account did not exist before."""
        self._context.on_created(self.user, "account", self.user.name)

    def _dial(self, url: str) -> None:
        context, codec = self._context, self.request_channel.codec
        adapter = context.adapter
        ask = self.request_channel.ask
        address = ask(lambda: codec.url(adapter.url(url)))
        headers = ask(codec.handshake_headers)
        if address is None or headers is None:
            self._connect_later()
            return
        connection = Connection(self, address, context.now_ns())
        self._dialling = connection
        dial = Dial(
            address,
            headers,
            adapter.subprotocols,
            adapter.framing,
            lambda: codec.receive_request(self.receiver.cursors()),
        )
        context.transport.dial(connection, dial)
        self._liveness.watch_dial(connection)

    def on_open(self, connection: Connection, response: Response) -> None:
        """Send the opening frame: the connection is open."""
        connection.last_frame_ns = self._context.now_ns()
        context, codec, ask = self._context, self.request_channel.codec, self.request_channel.ask
        conversations = {
            conv.name: [context.user_names[number] for number in conv.members]
            for conv in context.conversations_of.get(self.user.number, ())
        }
        ask(codec.set_conversations, conversations)
        event = ask(codec.opened, response)
        first = ask(codec.open, self.receiver.cursors())
        if event is None or first is None:
            self._drop(connection, _CLOSE_PROTOCOL_ERROR)
            return
        self._send(connection, first)
        self._handle(connection, event)

    def _on_connected(self, connection: Connection, connected: Connected) -> None:
        if connection is not self._dialling:
            return
        check_connected(connected)
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
            self._change_attendance(connection, room, on=True)
        if old is not None:
            self._end(old, _CLOSE_NORMAL)
        if not connected.resumed:
            self.request_channel.give_up_calls_of_other_connections()
        context.on_connected(self.user)
        returned = self._incarnations > 1 and not connected.resumed
        self.receiver.on_connected(connection, connected, returned=returned)
        self._liveness.watch(connection, connected)
        self.send_queue.send_held()

    def _connect_later(self) -> None:
        self._context.after(self._backoff.next_ns(), self._connect)

    # The life of a connection.

    def on_frame(self, connection: Connection, frame: bytes) -> None:
        """Handle a received frame."""
        if connection.ended:
            return
        connection.last_frame_ns = self._context.now_ns()
        try:
            event = self.request_channel.codec.read(frame)
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            self.request_channel.record_error(error)
            self._drop(connection, _CLOSE_PROTOCOL_ERROR)
            return
        self._handle(connection, event)

    def on_response(self, connection: Connection, response: Response) -> None:
        """Handle the response to a poll."""
        if connection.ended:
            return
        connection.last_frame_ns = self._context.now_ns()
        event = self.request_channel.ask(self.request_channel.codec.read_response, response)
        if event is None:
            self._drop(connection, _CLOSE_PROTOCOL_ERROR)
        else:
            self._handle(connection, event)

    def _handle(self, connection: Connection, event: Event) -> None:
        """Handle an event; one that no server should cause ends the connection."""
        try:
            self._on_event(connection, event)
        except ProtocolError as error:
            self.request_channel.record_error(error)
            self._drop(connection, _CLOSE_PROTOCOL_ERROR)

    def _on_event(self, connection: Connection, event: Event) -> None:
        # Compared by identity, because asking for an instance of another class is slow.
        if type(event) is Entry:
            check_entry(event)
            self.receiver.on_entry(connection, event)
        elif type(event) is Answer:
            check_event(event)
            self.request_channel.complete(event.ticket, event.value)
        elif type(event) is EventBatch:
            for inner_event in event.events:
                self._on_event(connection, inner_event)
        else:
            self._on_other(connection, event)

    def _on_other(self, connection: Connection, event: Event) -> None:
        """Handle the events that are less frequent, and an adapter's own subclasses of events."""
        match event:
            case SendFrames():
                self._send_all(connection, event.frames)
            case Heartbeat():
                check_event(event)
                if event.answer:
                    self._send(connection, event.answer)
                self.receiver.on_heads(event.heads, fresh=False)
            case Connected():
                self._on_connected(connection, event)
            case Entry():
                check_entry(event)
                self.receiver.on_entry(connection, event)
            case Answer():
                check_event(event)
                self.request_channel.complete(event.ticket, event.value)
            case EventBatch():
                for inner_event in event.events:
                    self._on_event(connection, inner_event)
            case _:
                self._on_control(connection, event)

    def _on_control(self, connection: Connection, event: Event) -> None:
        """Handle the events that are rare."""
        match event:
            case Gap():
                check_event(event)
                self.receiver.on_gap(connection, event)
            case ReconnectRequest():
                check_event(event)
                self._reconnect_later(connection, event)
            case Created():
                self._context.on_created(self.user, event.kind, event.name)
            case StartTls():
                self._context.transport.start_tls(
                    connection, partial(self._send_all, connection, event.frames)
                )
            case Refused():  # the close that follows it ends the connection
                check_event(event)
                text = f"{event.code}: {event.message}" if event.message else event.code
                self._context.errors.record(error_log.REFUSED, text)
            case _:
                raise ProtocolError(f"the adapter returned {event!r}, which is no event")

    def on_closed(self, connection: Connection, code: int) -> None:
        """Reconnect later: the connection has ended, or could not be opened."""
        if not connection.ended:
            self._end(connection, code, by=ClosedBy.SERVER)
            self._connect_later()

    def _reconnect_later(self, connection: Connection, request: ReconnectRequest) -> None:
        """Dial the address of a request after its delay; one request of a connection counts.

        A server that requests a reconnect on every connection makes no client dial without pause.
        """
        if self._requested is connection:
            return
        wait_ns, now_ns = int(request.delay_ms * NS_PER_MS), self._context.now_ns()
        if now_ns - self._requested_ns < _REQUESTS_APART_NS:
            wait_ns = max(wait_ns, self._backoff.next_ns())
        self._requested, self._requested_ns = connection, now_ns
        self._context.after(wait_ns, partial(self._reconnect, connection, request.url))

    def _reconnect(self, connection: Connection, url: str) -> None:
        """Dial a new connection, which closes the old one once it is established."""
        self._requested = None
        awake = self.online and self._liveness.stalled is None
        if self.request_channel.connection is connection and awake and self._dialling is None:
            self._reconnecting = True
            self._dial(url)

    def _drop(self, connection: Connection, code: int) -> None:
        """End a connection without a close frame, and reconnect later."""
        self._end(connection, code, abort=True)
        self._connect_later()

    def _end(
        self,
        connection: Connection,
        code: int,
        *,
        abort: bool = False,
        by: ClosedBy = ClosedBy.CLIENT,
    ) -> None:
        if connection.ended:
            return
        connection.ended = True
        context, request_channel = self._context, self.request_channel
        if code == _CLOSE_NORMAL and connection is request_channel.connection:
            self._send(connection, request_channel.ask(request_channel.codec.goodbye) or b"")
        if connection.number:
            context.counters.disconnects += 1
            context.sink.add(
                Kind.DISCONNECT,
                context.now_ns(),
                link=connection.number,
                peer=self.user.number,
                sseq=by,
                spare=code,
            )
        if request_channel.connection is connection:
            request_channel.connection = None
            request_channel.ask(request_channel.codec.lost)
        if self._dialling is connection:
            self._dialling = None
            if (
                request_channel.ask(request_channel.codec.login) is None
            ):  # otherwise the login names the address
                request_channel.switch_gateway(request_channel.gateway)
        context.transport.close(connection, abort=abort)

    def _send_all(self, connection: Connection, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self._send(connection, frame)

    def _send(self, connection: Connection, frame: bytes) -> None:
        if frame:
            self._context.transport.send(connection, frame)
