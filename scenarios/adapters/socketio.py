"""Socket.IO 4 over WebSocket, with the events of a small chat server.

The server is `gauntlet/stacks/socketio_server/server.js`. Its events:

    subscribe [conversations]                      → subscribed (an event)
    send {conv, id, body}                          → {stored: id} (the acknowledgement)
                                                     message {conv, id, from, body} (an event)

How Gauntlet's terms map to them:

- **Acknowledged**: the server has stored the message, in memory, and emitted it to its room.
- **Resumed**: Socket.IO has recovered the state of the connection, and sends the events that it
  has emitted since. Without that, what was missed is not sent again: there is no history.
- **A room** of Socket.IO is a conversation: membership is the subscription, and there is no
  attendance.
- **Idempotent**: the server stores and emits each id once.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar
from urllib.parse import urlsplit

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters import socketio_packets as packets
from gauntlet.scenarios.adapters._byte_stream import read_flag
from gauntlet.scenarios.adapters._subscribed_rooms import SubscribedRooms
from gauntlet.scenarios.adapters.base import (
    IDEMPOTENT_SEND,
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    Answer,
    Connected,
    Entry,
    Event,
    EventBatch,
    Heartbeat,
    ProtocolError,
    Refused,
    SendFrames,
)

PATH = "/socket.io/"
_QUERY = "EIO=4&transport=websocket"
_UNANSWERED = base.Sent("unknown")


class Socketio(base.Adapter):
    """A server with the events above.

    Settings (`target.server`): `recovery` (false if the server does not recover connections) and
    `at_most_once` (whether what a user missed is not owed to them; by default, without recovery).
    """

    kind = base.AdapterKind(
        "socketio",
        "Socket.IO 4 servers with the events of its example server, over WebSocket",
        capabilities=(RESUME, IDEMPOTENT_SEND, ROOMS, OPEN_ACCOUNTS),
        stacks=("socketio",),
    )
    capabilities = frozenset(kind.capabilities)
    settings: ClassVar[frozenset[str]] = frozenset({"recovery", "at_most_once"})

    def __init__(self, settings: base.Settings) -> None:
        recovery = read_flag(settings, "recovery", default=True)
        if not recovery:
            self.capabilities = self.capabilities - {RESUME}
        at_most_once = read_flag(settings, "at_most_once", default=not recovery)
        self.traits = base.Traits(at_most_once=at_most_once)

    def url(self, url: str) -> str:
        parts = urlsplit(url)
        path = parts.path if parts.path.strip("/") else PATH
        query = f"{parts.query}&{_QUERY}" if parts.query else _QUERY
        return parts._replace(path=path, query=query).geturl()

    def codec(self, account: base.Account, device: str) -> "Codec":
        auth = {"user": account.name} | ({"token": account.token} if account.token else {})
        return Codec(account.name, auth)


class Codec(SubscribedRooms):
    """The session of one user, over all of its connections."""

    def __init__(self, user: str, auth: dict[str, str]) -> None:
        self._user, self._auth = user, auth
        self._conversations: list[str] = []
        self._numbers = count(1)
        self._open: dict[int, str] = {}  # the sends without an acknowledgement, by packet id
        self._recovery_id = ""  # with which Socket.IO finds the state of the last connection
        self._offset = ""  # of the last broadcast that was received
        self._heartbeat = (25_000, 20_000)  # of the server's `open` packet, in milliseconds
        self._up = False
        self._held: list[Event] = []  # events that arrive before `Connected`

    def set_conversations(self, conversations: Mapping[str, Sequence[str]]) -> None:
        self._conversations = list(conversations)

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        """Return nothing: the server speaks first."""
        self._up = False
        self._held += [Answer(ticket=ticket, value=_UNANSWERED) for ticket in self._open.values()]
        self._open.clear()
        return b""

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverSocket[base.Sent]:
        number = next(self._numbers)
        self._open[number] = client_msg_id
        message = {"conv": conv, "id": client_msg_id, "body": body}
        return base.OverSocket(client_msg_id, (packets.event("send", message, number=number),))

    # Packets of the server.

    def read(self, frame: bytes) -> Event:
        try:
            packet = packets.parse(frame)
            return self._READERS[packet.kind](self, packet)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise ProtocolError(f"not a packet of Socket.IO: {error!r}") from error

    def _on_open(self, packet: packets.Packet) -> Event:
        self._heartbeat = (int(packet.data["pingInterval"]), int(packet.data["pingTimeout"]))
        auth = dict(self._auth)
        if self._recovery_id and self._offset:
            auth |= {"pid": self._recovery_id, "offset": self._offset}
        return SendFrames(frames=(packets.connect(auth),))

    def _on_connect(self, packet: packets.Packet) -> Event:
        recovery_id = str(packet.data.get("pid", ""))
        if recovery_id and recovery_id == self._recovery_id:
            return self._connected(resumed=True)
        self._recovery_id, self._offset = recovery_id, ""
        return SendFrames(frames=(packets.event("subscribe", self._conversations),))

    def _connected(self, *, resumed: bool) -> Event:
        # The server pings every `ping_ms`; the client sends no ping of its own.
        ping_ms, pong_ms = self._heartbeat
        up = Connected(edge="socketio", ping_ms=ping_ms, pong_ms=pong_ms, resumed=resumed)
        held, self._held, self._up = self._held, [], True
        return EventBatch(events=(up, *held))

    def _on_event(self, packet: packets.Packet) -> Event:
        name, *arguments = packet.data
        if self._recovery_id and len(arguments) > 1 and isinstance(arguments[-1], str):
            self._offset = arguments[-1]
        if name == "subscribed":
            return self._connected(resumed=False)
        if name != "message":
            return EventBatch()
        message = arguments[0]
        entry = Entry(
            conv=str(message["conv"]),
            seq=0,
            sender=str(message["from"]),
            body=str(message["body"]),
            client_msg_id=str(message["id"]),
            id=str(message["id"]),
        )
        if self._up:
            return entry
        self._held.append(entry)  # recovered events arrive before the server has connected us
        return EventBatch()

    def _on_ack(self, packet: packets.Packet) -> Event:
        ticket = self._open.pop(packet.number)
        stored = packet.data[0].get("stored") == ticket
        return Answer(ticket=ticket, value=base.Sent("yes" if stored else "unknown"))

    def _on_ping(self, _packet: packets.Packet) -> Event:
        return Heartbeat(answer=packets.PONG)

    def _on_refusal(self, packet: packets.Packet) -> Event:
        reason = packet.data or {}
        return Refused(code=packet.kind.name.lower(), message=str(reason.get("message", "")))

    def _on_other(self, _packet: packets.Packet) -> Event:
        return EventBatch()

    _READERS: ClassVar[dict[packets.Kind, Callable[[Any, packets.Packet], Event]]] = {
        packets.Kind.OPEN: _on_open,
        packets.Kind.PING: _on_ping,
        packets.Kind.CONNECT: _on_connect,
        packets.Kind.EVENT: _on_event,
        packets.Kind.ACK: _on_ack,
        packets.Kind.CONNECT_ERROR: _on_refusal,
        packets.Kind.DISCONNECT: _on_refusal,
        packets.Kind.CLOSE: _on_refusal,
        packets.Kind.NOOP: _on_other,
    }
