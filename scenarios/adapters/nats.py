"""NATS, over WebSocket or TCP: core NATS, or with JetStream (`nats_jetstream`).

How Gauntlet's terms map to core NATS:

- **A conversation** is a subject, `<prefix>.<conversation>`, to which its members subscribe. The
  sender does not receive its own messages. Membership is the subscription; there is no attendance.
- **Acknowledged**: there is no acknowledgement. A message counts as handed over once it was
  written.
- **Sender and id** of a message are headers.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote, unquote

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters import nats_protocol as protocol
from gauntlet.scenarios.adapters._byte_stream import ByteStream, Chunks, read_flag
from gauntlet.scenarios.adapters._subscribed_rooms import SubscribedRooms
from gauntlet.scenarios.adapters.base import (
    DEVICES,
    HISTORY,
    IDEMPOTENT_SEND,
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    SELF_ECHO,
    Account,
    Binary,
    Call,
    Connected,
    Entry,
    Event,
    EventBatch,
    Heartbeat,
    Immediate,
    ProtocolError,
    Refused,
    SendFrames,
    Sent,
)
from gauntlet.scenarios.adapters.nats_protocol import Control, Message

MODES = ("jetstream", "core")
STORAGES = ("file", "memory")
SENDER, MSG_ID = "Gauntlet-Sender", "Nats-Msg-Id"
NOTHING = EventBatch()


class Nats(base.Adapter):
    """A NATS server. `settings` lists the keys of `target.server`; docs/howto/nats.md."""

    kind = base.AdapterKind(
        "nats",
        "NATS with JetStream, or core NATS, over WebSocket or TCP",
        capabilities=(
            HISTORY,
            RESUME,
            IDEMPOTENT_SEND,
            SELF_ECHO,
            DEVICES,
            ROOMS,
            OPEN_ACCOUNTS,
        ),
        stacks=("nats",),
    )
    capabilities = frozenset(kind.capabilities)
    transports: ClassVar[tuple[str, ...]] = ("websocket", "tcp")
    settings: ClassVar[frozenset[str]] = frozenset(
        {"mode", "storage", "stream", "at_most_once", "prefix", "ping_ms", "pong_ms"}
    )

    def __init__(self, settings: base.Settings) -> None:
        mode, self.storage = settings.get("mode", MODES[0]), settings.get("storage", STORAGES[0])
        if mode not in MODES:
            raise ConfigError(f"target.server.mode must be one of: {', '.join(MODES)}; got {mode}")
        if self.storage not in STORAGES:
            raise ConfigError(
                f"target.server.storage must be one of: {', '.join(STORAGES)}; got {self.storage}"
            )
        self.jetstream = mode == "jetstream"
        self.prefix = str(settings.get("prefix", "gauntlet"))
        self.stream = str(settings.get("stream", "GAUNTLET"))
        self.ping_ms = int(settings.get("ping_ms", 10_000))
        self.pong_ms = int(settings.get("pong_ms", 5_000))
        self.is_websocket = True
        at_most_once = read_flag(settings, "at_most_once", default=not self.jetstream)
        self.traits = base.Traits(at_most_once=at_most_once)
        self.capabilities = frozenset(self.kind.capabilities)
        if not self.jetstream:
            self.capabilities = frozenset({ROOMS, OPEN_ACCOUNTS})

    def use(self, transport: str) -> None:
        self.is_websocket = transport == "websocket"

    def framing(self) -> base.Framing:
        return Chunks()

    def codec(self, account: Account, device: str) -> base.Codec:
        # Not at the top, because that module imports this one.
        from gauntlet.scenarios.adapters.nats_jetstream import JetStreamCodec

        kind = JetStreamCodec if self.jetstream else Codec
        return kind(self, account, device)

    def subject(self, conv: str) -> str:
        """Return the subject of a conversation, as one token."""
        return f"{self.prefix}.{quote(conv, safe='').replace('.', '%2E')}"

    def conversation(self, subject: str) -> str:
        """Return the conversation of a subject."""
        return unquote(subject[len(self.prefix) + 1 :])


class Codec(SubscribedRooms):
    """The session of one user with core NATS."""

    echo = False  # whether the server sends a client its own messages

    def __init__(self, adapter: Nats, account: Account, device: str) -> None:
        self.adapter = adapter
        self.account = account
        self.device = device
        self.subjects: list[str] = []
        self.server = ""
        self.up = False
        self._stream = ByteStream()

    # Methods of the session.

    def set_conversations(self, conversations: Mapping[str, Sequence[str]]) -> None:
        self.subjects = [self.adapter.subject(conv) for conv in conversations]

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        """Send nothing: the server begins, with INFO."""
        self._stream = ByteStream()
        self.up = False
        return b""

    def lost(self) -> None:
        self.up = False

    def ping(self) -> bytes:
        return Binary(protocol.PING)

    def send(self, conv: str, client_msg_id: str, body: str) -> Call[Sent]:
        frame = self.message(conv, client_msg_id, body)
        return Immediate(Sent("handed-over"), (frame,))

    def message(self, conv: str, client_msg_id: str, body: str, reply: str = "") -> Binary:
        """Return the frame that publishes a message."""
        headers = {SENDER: quote(self.account.name), MSG_ID: client_msg_id}
        return Binary(protocol.publish(self.adapter.subject(conv), body.encode(), reply, headers))

    # Messages from the server.

    def read(self, frame: bytes) -> Event:
        stream = self._stream
        stream.append(frame, binary=self.adapter.is_websocket)
        at, events = 0, []
        for found, end in protocol.parse(stream.rest):
            at = end
            if isinstance(found, Message):
                events.append(self._on_message(found))
            else:
                events.append(self._on_control(found))
        stream.rest = stream.rest[at:]
        return events[0] if len(events) == 1 else EventBatch(tuple(events))

    def _on_message(self, message: Message) -> Event:
        try:
            return self.on_message(message)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            # JSON of another form, or a number such as 1e999.
            raise ProtocolError(f"not a message of NATS: {error!r}") from error

    def _on_control(self, control: Control) -> Event:
        match control.verb:
            case "INFO" if not self.up:
                return self._on_info(control.argument)
            case "PING":
                return Heartbeat(answer=Binary(protocol.PONG))
            case "PONG" if not self.up:
                return self.on_ready()
            case "PONG":
                return Heartbeat()
            case "-ERR":
                return Refused("error", control.argument.strip("'"))
        return NOTHING

    def _on_info(self, argument: str) -> Event:
        info = protocol.read_json(argument)
        self.server = str(info.get("server_name", "")) or "nats"
        account = self.account
        secrets = {"auth_token": account.token} if account.token else {}
        if account.password:
            secrets = {"user": account.name, "pass": account.password}
        options = {
            "verbose": False,
            "pedantic": False,
            "echo": self.echo,
            "headers": True,
            "no_responders": True,
            "lang": "python",
            "version": "1",
            "protocol": 1,
            "name": f"{account.name} {self.device}",
            **secrets,
        }
        frames = (protocol.connect(options), *self.subscriptions(), protocol.PING)
        return SendFrames((Binary(b"".join(frames)),))

    def subscriptions(self) -> list[bytes]:
        """Return the commands that subscribe; the answer to the PING after them is `on_ready`."""
        numbered = enumerate(self.subjects, 1)
        return [protocol.subscribe(subject, number) for number, subject in numbered]

    def on_ready(self) -> Event:
        """Handle that the server has accepted the user and the subscriptions."""
        self.up = True
        return self.greeting(resumed=False)

    def greeting(self, *, resumed: bool) -> Connected:
        """Return the event that the session is up."""
        adapter = self.adapter
        return Connected(
            edge=self.server, ping_ms=adapter.ping_ms, pong_ms=adapter.pong_ms, resumed=resumed
        )

    def on_message(self, message: Message) -> Event:
        """Handle a message of a conversation."""
        return self.entry(message, message.subject, "")

    def entry(self, message: Message, subject: str, ident: str) -> Entry:
        """Return a message of a conversation as an entry."""
        if not subject.startswith(f"{self.adapter.prefix}."):
            raise ProtocolError(f"a message of the subject {subject}, which was not subscribed to")
        return Entry(
            conv=self.adapter.conversation(subject),
            seq=0,
            sender=unquote(message.headers.get(SENDER.lower(), "")),
            body=message.body.decode(errors="replace"),
            client_msg_id=message.headers.get(MSG_ID.lower(), ""),
            id=ident,
        )
