"""MQTT 5 brokers, over WebSocket or TCP.

How Gauntlet's terms map to MQTT:

- **A conversation** is a topic, `<prefix>/<conversation>`, to which its members subscribe. The
  sender does not receive its own messages (`No Local`). Membership is the subscription; there is no
  attendance.
- **Acknowledged**: with QoS 1 the PUBACK, with QoS 2 the PUBCOMP. QoS 0 has no acknowledgement: its
  messages count as handed over when they were written.
- **Sender and id** of a message are user properties. With QoS 1 a broker may deliver a message
  again; the client then recognises it by its id, as an application does. With QoS 0 and 2 it must
  not, and a copy is a violation.
- **Persistent sessions** (`persistent: true`): the broker keeps the session and queues what a
  client misses. The first connection of a run discards what an earlier run left behind, unless
  `clean_start` is false.
- **Clean-up**: sessions are ended, and retained messages with the run's tag are cleared. The run
  itself retains none, but a broker may be configured to.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import mqtt5

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters._byte_stream import ByteStream, Chunks, read_flag
from gauntlet.scenarios.adapters._subscribed_rooms import SubscribedRooms
from gauntlet.scenarios.adapters.base import (
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    Account,
    Answer,
    Binary,
    Call,
    Connected,
    Entry,
    Event,
    EventBatch,
    Heartbeat,
    Immediate,
    OverSocket,
    ProtocolError,
    Refused,
    Removal,
    Removed,
    RunData,
    SendFrames,
    Sent,
)

_SENDER, _ID = "sender", "id"
_NO_LIMIT = 65_535  # of packet ids, and of messages in flight
_FAILED = 128  # reason codes from here on are errors
_QUOTA_EXCEEDED = 151
# mqtt5 is written in Rust, and panics for text that is no UTF-8. That is no Exception, because
# other libraries of Rust are then in an unknown state; this one keeps none.
_PANIC = "PanicException"
_RETAINED = "retained"  # the ticket of the call that clears retained messages


class Mqtt(base.Adapter):
    """An MQTT 5 broker. `settings` lists the keys of `target.server`; docs/howto/mqtt.md."""

    kind = base.AdapterKind(
        "mqtt",
        "MQTT 5 brokers, over WebSocket or TCP",
        capabilities=(ROOMS, RESUME, OPEN_ACCOUNTS),
        stacks=("mosquitto",),
    )
    capabilities = frozenset(kind.capabilities)
    subprotocols = ("mqtt",)
    transports: ClassVar[tuple[str, ...]] = ("websocket", "tcp")
    settings: ClassVar[frozenset[str]] = frozenset(
        {"qos", "persistent", "clean_start", "session_expiry_s", "at_most_once", "prefix"}
        | {"ping_ms", "pong_ms"}
    )

    def __init__(self, settings: base.Settings) -> None:
        qos, persistent = settings.get("qos", 1), read_flag(settings, "persistent", default=True)
        if not isinstance(qos, int) or isinstance(qos, bool) or qos not in (0, 1, 2):
            raise ConfigError(f"target.server.qos must be one of: 0, 1, 2; got {qos}")
        self.qos = mqtt5.QoS(qos)
        self.acknowledged = qos > 0
        self.clean_start = read_flag(settings, "clean_start", default=True)
        self.expiry_s = int(settings.get("session_expiry_s", 600)) if persistent else 0
        self.prefix = str(settings.get("prefix", "gauntlet"))
        self.ping_ms = int(settings.get("ping_ms", 10_000))
        self.pong_ms = int(settings.get("pong_ms", 5_000))
        self.is_websocket = True
        # A broker queues nothing for a session that ends with its connection, and no QoS 0.
        self.forgets = not persistent or not self.acknowledged
        self.traits = base.Traits(
            at_most_once=read_flag(settings, "at_most_once", default=self.forgets)
        )
        self.capabilities = frozenset(self.kind.capabilities)
        if self.forgets:
            self.capabilities -= {RESUME}

    def use(self, transport: str) -> None:
        self.is_websocket = transport == "websocket"

    def framing(self) -> base.Framing:
        return Chunks()

    def codec(self, account: Account, device: str) -> "Codec":
        return Codec(self, account, device)

    def topic(self, conv: str) -> str:
        """Return the topic of a conversation, whose name may contain any character."""
        return f"{self.prefix}/{quote(conv, safe='')}"

    def conversation(self, topic: str) -> str:
        """Return the conversation of a topic."""
        return unquote(topic[len(self.prefix) + 1 :])


class _Outgoing:
    """A message with QoS 1 or 2 that the broker has not acknowledged; `ticket` is its call."""

    __slots__ = ("body", "released", "ticket", "topic")

    def __init__(self, topic: str, body: bytes, ticket: str) -> None:
        self.topic = topic
        self.body = body
        self.ticket = ticket
        self.released = False  # QoS 2: the broker has the message


class Codec(SubscribedRooms):
    """The MQTT session of one user, over all of its connections."""

    def __init__(self, adapter: Mqtt, account: Account, device: str) -> None:
        self._adapter = adapter
        self._account = account
        self._client_id = f"{adapter.prefix}-{quote(account.name, safe='')}-{device}"
        self._stream = ByteStream()
        self._topics: list[str] = []
        self._packet_ids = count()
        self._up = False
        self._known = False  # whether the broker may have a session of this run
        self._greeting = Connected()
        self._in_flight_max = _NO_LIMIT
        self._in_flight: dict[int, _Outgoing] = {}
        self._waiting: deque[_Outgoing] = deque()
        self._received: set[int] = set()  # QoS 2: packet ids that the broker has not released
        self._cleaning: RunData | None = None
        self._found_session = False  # during a clean-up
        self._retained: set[str] = set()  # topics whose retained message is of the cleaned run
        # What the broker pushed from an old session before this user counts as connected.
        self._early: list[Entry] = []

    # Methods of the session.

    def set_conversations(self, conversations: Mapping[str, Sequence[str]]) -> None:
        self._topics = [self._adapter.topic(conv) for conv in conversations]

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        self._stream = ByteStream()
        account, cleaning = self._account, self._cleaning is not None
        # A clean-up finds the session, which then ends with the connection.
        connect = mqtt5.ConnectPacket(
            self._client_id,
            username=account.name if account.password or account.token else None,
            password=(account.password or account.token).encode() or None,
            clean_start=not cleaning and not self._continues(),
            session_expiry_interval=0 if cleaning else self._adapter.expiry_s,
        )
        return Binary(connect.write())

    def _continues(self) -> bool:
        """Return whether the connection continues a session that the broker may have."""
        adapter = self._adapter
        return bool(adapter.expiry_s) and (self._known or not adapter.clean_start)

    def lost(self) -> None:
        self._up = False

    def ping(self) -> bytes:
        return Binary(mqtt5.PingReqPacket().write())

    def goodbye(self) -> bytes:
        return Binary(mqtt5.DisconnectPacket().write())

    def send(self, conv: str, client_msg_id: str, body: str) -> Call[Sent]:
        message = _Outgoing(self._adapter.topic(conv), body.encode(), client_msg_id)
        if not self._adapter.acknowledged:
            return Immediate(Sent("handed-over"), (self._publish(message),))
        self._waiting.append(message)
        return OverSocket(client_msg_id, self._next_frames())

    def _publish(
        self, message: _Outgoing, packet_id: int | None = None, *, again: bool = False
    ) -> Binary:
        """Return the frame of a message, whose call has the id of the message as its ticket."""
        packet = mqtt5.PublishPacket(
            message.topic,
            message.body,
            qos=self._adapter.qos,
            packet_id=packet_id,
            duplicate=again,
            user_properties=[(_SENDER, self._account.name), (_ID, message.ticket)],
        )
        return Binary(packet.write())

    def _repeated(self) -> list[Binary]:
        """Return the frames that continue with the messages in flight on another connection."""
        return [
            Binary(mqtt5.PubRelPacket(packet_id).write())
            if message.released
            else self._publish(message, packet_id, again=True)
            for packet_id, message in self._in_flight.items()
        ]

    def _next_frames(self) -> tuple[Binary, ...]:
        """Return what may be sent now: the broker limits how many messages are in flight."""
        frames = []
        while self._up and self._waiting and len(self._in_flight) < self._in_flight_max:
            packet_id = self._next_packet_id()
            message = self._in_flight[packet_id] = self._waiting.popleft()
            frames.append(self._publish(message, packet_id))
        return tuple(frames)

    def _next_packet_id(self) -> int:
        while True:
            packet_id = next(self._packet_ids) % _NO_LIMIT + 1
            if packet_id not in self._in_flight:
                return packet_id

    # Removing what a run has created.

    def clean_up(self, data: RunData) -> Sequence[Removal]:
        self._cleaning = data
        name = self._client_id
        retained = Removal("retained messages of a session", name, self._clear_retained)
        if not self._adapter.expiry_s:
            return (retained,)
        return (retained, Removal("session", name, self._end_session))

    def _clear_retained(self) -> Call[Removed]:
        # The broker has sent them after the subscription, and so before the answer to a ping.
        return OverSocket(_RETAINED, (Binary(mqtt5.PingReqPacket().write()),))

    def _end_session(self) -> Call[Removed]:
        end = Binary(mqtt5.DisconnectPacket().write())
        return Immediate(Removed(int(self._found_session)), (end,))

    # Packets from the broker.

    def read(self, frame: bytes) -> Event:
        self._stream.append(frame, binary=self._adapter.is_websocket)
        view, at, events = memoryview(self._stream.rest), 0, []
        while at < len(view):
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                break  # the rest of the packet follows
            except (ValueError, TypeError) as error:
                raise ProtocolError(f"not a packet of MQTT 5: {error}") from error
            except BaseException as error:
                if type(error).__name__ != _PANIC:
                    raise
                raise ProtocolError(f"not a packet of MQTT 5: {error}") from error
            at += size
            events.append(self._on_packet(packet))
        self._stream.rest = self._stream.rest[at:]
        return events[0] if len(events) == 1 else EventBatch(tuple(events))

    def _on_packet(self, packet: mqtt5.Packet) -> Event:
        reader = self._READERS.get(type(packet))
        if reader is None:
            raise ProtocolError(f"a broker must not send {packet!r}")
        return reader(self, packet)

    def _on_connected(self, packet: mqtt5.ConnAckPacket) -> Event:
        if int(packet.reason_code) >= _FAILED:
            return Refused(packet.reason_code.name, packet.reason_str or "")
        adapter = self._adapter
        self._in_flight_max = packet.receive_max
        known = self._known and self._cleaning is None
        resumed = packet.session_present and known and not adapter.forgets
        self._known = True
        self._found_session |= packet.session_present
        self._greeting = Connected(
            edge=packet.server_reference or "broker",
            ping_ms=adapter.ping_ms,
            pong_ms=adapter.pong_ms,
            resumed=resumed,
        )
        if resumed:
            self._up = True
            frames = (*self._repeated(), *self._next_frames())
            return EventBatch((SendFrames(frames), self._greeting))
        # The broker knows nothing of the calls of the old session: the harness gives them up.
        self._in_flight.clear()
        self._received.clear()
        if not self._topics:
            return self._begin()
        filters = [
            mqtt5.TopicFilter(topic, max_qos=adapter.qos, no_local=True) for topic in self._topics
        ]
        packet_id = self._next_packet_id()
        return SendFrames((Binary(mqtt5.SubscribePacket(packet_id, filters).write()),))

    def _on_subscribed(self, packet: mqtt5.SubAckPacket) -> Event:
        for code in packet.reason_codes:
            if int(code) >= _FAILED:
                return Refused(f"subscription: {code.name}", packet.reason_str or "")
        return self._begin()

    def _begin(self) -> Event:
        self._up = True
        frames, early = self._next_frames(), self._early
        self._early = []
        if not frames and not early:
            return self._greeting
        return EventBatch((self._greeting, *early, SendFrames(frames)))

    def _on_message(self, packet: mqtt5.PublishPacket) -> Event:
        if self._cleaning is not None:
            if packet.retain and self._cleaning.wrote(packet.payload.decode(errors="replace")):
                self._retained.add(packet.topic)
            return EventBatch()  # without an acknowledgement: the session is about to end
        if packet.qos == mqtt5.QoS.AT_MOST_ONCE:
            return EventBatch(self._pushed(packet))
        assert packet.packet_id is not None
        if packet.qos == mqtt5.QoS.AT_LEAST_ONCE:
            acknowledge = Binary(mqtt5.PubAckPacket(packet.packet_id).write())
            return EventBatch((*self._pushed(packet), SendFrames((acknowledge,))))
        repeated = packet.packet_id in self._received
        self._received.add(packet.packet_id)
        acknowledge = Binary(mqtt5.PubRecPacket(packet.packet_id).write())
        entries = () if repeated else self._pushed(packet)
        return EventBatch((*entries, SendFrames((acknowledge,))))

    def _pushed(self, packet: mqtt5.PublishPacket) -> tuple[Entry, ...]:
        """Return the entry of a message, unless it has to wait until the user is connected."""
        entry = self._entry(packet)
        if self._up:
            return (entry,)
        self._early.append(entry)
        return ()

    def _entry(self, packet: mqtt5.PublishPacket) -> Entry:
        properties = dict(packet.user_properties)
        client_msg_id = properties.get(_ID, "")
        return Entry(
            conv=self._adapter.conversation(packet.topic),
            seq=0,
            sender=properties.get(_SENDER, ""),
            body=packet.payload.decode(errors="replace"),
            client_msg_id=client_msg_id,
            id=client_msg_id if packet.qos == mqtt5.QoS.AT_LEAST_ONCE else "",
        )

    def _on_release(self, packet: mqtt5.PubRelPacket) -> Event:
        self._received.discard(packet.packet_id)
        return SendFrames((Binary(mqtt5.PubCompPacket(packet.packet_id).write()),))

    def _on_acknowledged(
        self, packet: mqtt5.PubAckPacket | mqtt5.PubCompPacket | mqtt5.PubRecPacket
    ) -> Event:
        outgoing = self._in_flight.pop(packet.packet_id, None)
        if outgoing is None:
            return EventBatch()
        sent = Sent("yes")
        if int(packet.reason_code) >= _FAILED:
            temporary = int(packet.reason_code) == _QUOTA_EXCEEDED
            sent = Sent("no", temporary=temporary)
        frames = self._next_frames()
        more = (SendFrames(frames),) if frames else ()
        return EventBatch((Answer(outgoing.ticket, sent), *more))

    def _on_received(self, packet: mqtt5.PubRecPacket) -> Event:
        if int(packet.reason_code) >= _FAILED:
            return self._on_acknowledged(packet)
        if (outgoing := self._in_flight.get(packet.packet_id)) is not None:
            outgoing.released = True
        return SendFrames((Binary(mqtt5.PubRelPacket(packet.packet_id).write()),))

    def _on_pong(self, _packet: mqtt5.PingRespPacket) -> Event:
        if self._cleaning is None:
            return Heartbeat()
        topics, self._retained = self._retained, set()
        cleared = [mqtt5.PublishPacket(topic, b"", retain=True).write() for topic in topics]
        frames = SendFrames(tuple(map(Binary, cleared)))
        return EventBatch((frames, Answer(_RETAINED, Removed(len(topics))), Heartbeat()))

    def _on_disconnect(self, packet: mqtt5.DisconnectPacket) -> Event:
        return Refused(packet.reason_code.name, packet.reason_str or "")

    _READERS: ClassVar[dict[type, Callable[[Any, Any], Event]]] = {
        mqtt5.ConnAckPacket: _on_connected,
        mqtt5.SubAckPacket: _on_subscribed,
        mqtt5.PublishPacket: _on_message,
        mqtt5.PubAckPacket: _on_acknowledged,
        mqtt5.PubRecPacket: _on_received,
        mqtt5.PubRelPacket: _on_release,
        mqtt5.PubCompPacket: _on_acknowledged,
        mqtt5.PingRespPacket: _on_pong,
        mqtt5.DisconnectPacket: _on_disconnect,
    }
