"""One virtual user: its connection, its mailbox and its outbox.

Pure: the clock, the generator and the sockets are given to it (`Context`, `Port`).

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
    Beat,
    Connected,
    Entry,
    Event,
    Gap,
    Move,
    OverHttp,
    ProtocolError,
    Say,
    Several,
)
from gauntlet.scenarios.client.backoff import Backoff
from gauntlet.scenarios.client.connection import Link
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.receiver import Mailbox
from gauntlet.scenarios.client.requests import Access
from gauntlet.scenarios.client.send_queue import Outbox
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
        mailbox: Callable[[Context, User, Access], Mailbox] = Mailbox,
    ) -> None:
        self.user = user
        self.access = Access(context, user, user.number)
        self.outbox = Outbox(context, self.access, rng)
        self.mailbox = mailbox(context, user, self.access)
        self._context = context
        self._rng = rng
        self._joined: set[str] = set()
        self._rooms: set[str] = set()  # those that he attends
        self._backoff = Backoff(rng, _BASE_MS, _CAP_MS)
        self._wanted = False
        self._moving = False
        self._logging_in = False
        self._logins = 0
        self._dialling: Link | None = None
        self._address = ""  # where a login, or the target, last said to connect
        self._stalled: Link | None = None
        self._incarnations = 0

    # What the engine asks for.

    def start(self) -> None:
        """Go online, and stay; or read on."""
        self._wanted = True
        if (link := self._stalled) is not None:
            self._stalled = None
            self._context.port.read(link, on=True)
            # Whoever was not cut off meanwhile comes anew: his app cannot know what it missed.
            self._context.after(_WAKE_NS, partial(self._replace, link))
        self._log_in()

    def leave(self) -> None:
        """Go offline on purpose."""
        if self._wanted:
            self._note_offline()
        self.stop()

    def stall(self) -> None:
        """Stay connected, but read nothing any more: away on purpose, as a frozen app is."""
        if self.access.link is not None:
            self._stalled = self.access.link
            self._note_offline()
            self._context.port.read(self._stalled, on=False)

    def _note_offline(self) -> None:
        now_ns, link = self._context.now_ns(), self.access.link_number
        self._context.sink.add(Kind.OFFLINE, now_ns, link=link, peer=self.user.number)

    def stop(self) -> None:
        """Close the connection, and do not come back."""
        self._wanted = False
        for link in (self.access.link, self._dialling):
            if link is not None:
                self._end(link, _GOODBYE)

    @property
    def connected(self) -> bool:
        """Whether the server has said `connected` on a connection that still lives."""
        return self.access.link is not None

    def waiting(self, conv: Conversation) -> int:
        """How many of the user's sends in a conversation have not ended."""
        return self.outbox.waiting(conv.number)

    def submit(self, op: Op, intended_ns: int) -> None:
        """Send an op, now or as soon as its conversation's queue allows."""
        self.outbox.submit(op, intended_ns)

    def join(self, conv: Conversation, position: int) -> None:
        """The user was put into a room by the event at `position`: attend it."""
        self._joined.add(conv.name)
        self._rooms.add(conv.name)
        self.mailbox.join(conv, position)
        if self.access.link is not None:
            self._send(self.access.link, self.access.codec.enter(conv.name))

    def attend(self, conv: Conversation, *, on: bool) -> None:
        """Exit a room that one has joined, or enter it again."""
        if conv.name not in self._joined:
            return
        (self._rooms.add if on else self._rooms.discard)(conv.name)
        link = self.access.link
        if link is not None:  # else the next connection shows it
            event = RoomEvent.ENTERED if on else RoomEvent.EXITED
            self._context.sink.add(
                Kind.ATTEND,
                self._context.now_ns(),
                conv=conv.number,
                link=link.number,
                peer=self.user.number,
                sseq=event,
            )
            codec = self.access.codec
            self._send(link, (codec.enter if on else codec.exit)(conv.name))

    # Connecting: log in, dial, introduce oneself.

    def _log_in(self) -> None:
        """Ask where to connect, unless that is under way or there is no need."""
        if self._lacks_connection() and not self._logging_in:
            login = self.access.codec.login()
            if login is None:
                self._dial(self.access.address)
            else:
                self._ask(login)

    def _lacks_connection(self) -> bool:
        alone = self.access.link is None or self._moving
        # A frozen app does not notice that it was cut off.
        return self._wanted and alone and self._dialling is None and self._stalled is None

    def _ask(self, login: OverHttp[str]) -> None:
        self._logging_in = True
        answered = partial(self._on_login_answer, self.access.gateway)
        self.access.call(login, _REQUEST_NS, answered)

    def _on_login_answer(self, gateway: int, address: str | None) -> None:
        self._logging_in = False
        if address is None:
            self.access.avoid(gateway)
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
        if lasts_s := self.access.codec.login_lasts_s():
            share = _RENEWED_AGAIN if failed else self._rng.uniform(*_RENEWED_AT)
            wait_ns = int(share * lasts_s * NS_PER_S)
            self._context.after(wait_ns, partial(self._renew, self._logins))

    def _renew(self, of: int) -> None:
        login = self.access.codec.login()
        latest = of == self._logins and not self._logging_in
        if latest and self._wanted and login is not None:
            self._ask(login)

    def _dial(self, url: str) -> None:
        context = self._context
        address = context.adapter.websocket_url(url)
        link = Link(self, address, context.now_ns())
        self._dialling = link
        context.port.dial(link, address)
        context.after(_CONNECT_NS, partial(self._give_up_dialling, link))

    def _give_up_dialling(self, link: Link) -> None:
        if link is self._dialling:
            self._lose(link, _SILENT)

    def on_open(self, link: Link) -> None:
        """The WebSocket is open: say who one is, and how far one has come."""
        self._send(link, self.access.codec.open(self.mailbox.cursors()))

    def _on_connected(self, link: Link, connected: Connected) -> None:
        if link is not self._dialling:
            return
        context = self._context
        self._incarnations += 1
        context.counters.reconnects += self._incarnations > 1
        link.incarnation = self._incarnations
        link.connected = connected
        link.number = context.new_link(link)
        context.sink.add(
            Kind.CONNECT,
            context.now_ns(),
            ref_ns=link.dialled_ns,
            link=link.number,
            peer=self.user.number,
        )
        old, self.access.link = self.access.link, link
        self._dialling, self._moving = None, False
        for room in self._rooms:
            self._send(link, self.access.codec.enter(room))
        if old is not None:
            self._end(old, _GOODBYE)
        context.on_connected(self.user)
        returned = self._incarnations > 1 and not connected.resumed
        self.mailbox.on_connected(connected.heads, returned=returned)
        self._watch_silence(link, connected)

    def _retry_later(self) -> None:
        self._context.after(self._backoff.next_ns(), self._log_in)

    # The life of a connection.

    def on_frame(self, link: Link, frame: bytes) -> None:
        """A text frame arrived."""
        if link.ended:
            return
        link.heard_ns = self._context.now_ns()
        try:
            event = self.access.codec.read(frame)
        except ProtocolError:
            self._lose(link, _NONSENSE)
            return
        self._on_event(link, event)

    def _on_event(self, link: Link, event: Event) -> None:
        match event:
            case Entry():
                self.mailbox.on_entry(link, event)
            case Answer():
                self.access.answer(event.ticket, event.value)
            case Say():
                for frame in event.frames:
                    self._send(link, frame)
            case Several():
                for one in event.events:
                    self._on_event(link, one)
            case Beat():
                if event.answer:
                    self._send(link, event.answer)
                self.mailbox.on_heads(event.heads, fresh=False)
            case Gap():
                self.mailbox.on_gap(link, event)
            case Connected():
                self._on_connected(link, event)
            case Move():
                wait_ns = event.delay_ms * NS_PER_MS
                self._context.after(wait_ns, partial(self._move, link, event.url))
            case _:
                pass  # why the server is about to close; the close itself is what matters

    def on_closed(self, link: Link, code: int) -> None:
        """The connection ended, or never came up."""
        if not link.ended:
            self._end(link, code)
            self._retry_later()

    def _move(self, link: Link, url: str) -> None:
        """Make before break: the new connection closes the old one once it is up."""
        awake = self._wanted and self._stalled is None
        if self.access.link is link and awake and self._dialling is None:
            self._moving = True
            self._dial(url)

    def _watch_silence(self, link: Link, connected: Connected) -> None:
        if link.ended or link is self._stalled:  # who comes back from that comes anew
            return
        context = self._context
        silent_ns = context.now_ns() - link.heard_ns
        ping_ns, pong_ns = connected.ping_ms * NS_PER_MS, connected.pong_ms * NS_PER_MS
        if silent_ns >= ping_ns + pong_ns:
            self._lose(link, _SILENT)
            return
        if silent_ns >= ping_ns:
            self._send(link, self.access.codec.ping())
        elif context.now_ns() - link.dialled_ns >= ping_ns:
            self._backoff.reset()  # it lasted, so that the next loss is another matter
        wait_ns = min(ping_ns, pong_ns) // 2
        context.after(wait_ns, partial(self._watch_silence, link, connected))

    def _replace(self, link: Link) -> None:
        if not link.ended:
            self._lose(link, _SILENT)

    def _lose(self, link: Link, code: int) -> None:
        """Drop a connection that is of no use, and come back."""
        self._end(link, code, abort=True)
        self._retry_later()

    def _end(self, link: Link, code: int, *, abort: bool = False) -> None:
        if link.ended:
            return
        link.ended = True
        context = self._context
        if code == _GOODBYE and link is self.access.link:
            self._send(link, self.access.codec.goodbye())
        if link.number:
            context.counters.disconnects += 1
            context.sink.add(
                Kind.DISCONNECT,
                context.now_ns(),
                link=link.number,
                peer=self.user.number,
                spare=code,
            )
        if self.access.link is link:
            self.access.link = None
            self.access.codec.lost()
        if self._dialling is link:
            self._dialling = None
            if self.access.codec.login() is None:  # else the next login names another address
                self.access.avoid(self.access.gateway)
        context.port.close(link, abort=abort)

    def _send(self, link: Link, frame: bytes) -> None:
        if frame:
            self._context.port.send(link, frame)
