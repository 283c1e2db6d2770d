"""The adapter interface: what Gauntlet needs to know of one IM system.

An `Adapter` declares the capabilities of its system and creates one `Codec` per session. A codec
turns intended actions into frames and calls, and received frames into events. It opens no socket
and reads no clock. A call goes over HTTP (`OverHttp`) or over the session's own connection
(`OverSocket`); the code that makes a call handles both kinds in the same way.

An adapter needs no other module of Gauntlet: this one also exports `Codec`, the values of `values`,
the names of the capabilities, and `AdapterKind`, with which the adapters of this tree describe
themselves.

This is version 2 of the contract. Adapters of version 1, whose classes have `websocket_url`, keep
working for one release (`version1`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from gauntlet.core.plugins import AdapterKind
from gauntlet.core.scenario.accounts import Account
from gauntlet.core.scenario.capabilities import (
    ATTENDANCE,
    CAPABILITIES,
    DEVICES,
    HEADS,
    HISTORY,
    IDEMPOTENT_SEND,
    MEMBER_CHANGES,
    MEMBERS_ONLY,
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    SELF_ECHO,
    SERVER_SEQ,
    TIMESTAMPS,
)
from gauntlet.core.scenario.traits import Retention, Traits
from gauntlet.scenarios.adapters.codec import Codec
from gauntlet.scenarios.adapters.values import (
    Answer,
    Binary,
    Call,
    Connected,
    Contacts,
    Created,
    Cursor,
    Entry,
    Event,
    EventBatch,
    Gap,
    Heartbeat,
    Immediate,
    Kept,
    Number,
    OverHttp,
    OverSocket,
    Page,
    Preparation,
    ProtocolError,
    ReconnectRequest,
    Refused,
    Removal,
    Removed,
    Request,
    Response,
    RunData,
    SendFrames,
    Sent,
    ServerSentEvent,
    Settings,
    StartTls,
)

__all__ = [
    "ATTENDANCE",
    "CAPABILITIES",
    "DEVICES",
    "HEADS",
    "HISTORY",
    "IDEMPOTENT_SEND",
    "MEMBERS_ONLY",
    "MEMBER_CHANGES",
    "OPEN_ACCOUNTS",
    "RESUME",
    "ROOMS",
    "SELF_ECHO",
    "SERVER_SEQ",
    "TIMESTAMPS",
    "Account",
    "Adapter",
    "AdapterKind",
    "Answer",
    "Beat",
    "Binary",
    "Call",
    "Codec",
    "Connected",
    "Contacts",
    "Created",
    "Cursor",
    "DelimiterFraming",
    "Entry",
    "Event",
    "EventBatch",
    "Framing",
    "Gap",
    "Heartbeat",
    "Immediate",
    "Kept",
    "Move",
    "Number",
    "OverHttp",
    "OverSocket",
    "Page",
    "Preparation",
    "ProtocolError",
    "ReconnectRequest",
    "Refused",
    "Removal",
    "Removed",
    "Request",
    "Response",
    "Retention",
    "RunData",
    "Say",
    "SendFrames",
    "Sent",
    "ServerSentEvent",
    "Settings",
    "Several",
    "StartTls",
    "Traits",
]

# The names of these events in 0.1, kept for one release so that existing adapters work.
Move = ReconnectRequest
Beat = Heartbeat
Say = SendFrames
Several = EventBatch


class Framing(ABC):
    """TCP: cuts the bytes of one connection into frames."""

    @abstractmethod
    def feed(self, data: bytes) -> Sequence[bytes]:
        """Return the frames that are complete with these bytes, and keep the rest.

        ProtocolError if the bytes cannot be the beginning of a frame.
        """


class DelimiterFraming(Framing):
    """Frames that end with a delimiter, which is not a part of them: lines, for example."""

    def __init__(self, delimiter: bytes = b"\n") -> None:
        self._delimiter = delimiter
        self._rest = bytearray()

    def feed(self, data: bytes) -> Sequence[bytes]:
        self._rest += data
        if self._delimiter not in data and self._delimiter not in self._rest:
            return ()
        *frames, rest = bytes(self._rest).split(self._delimiter)
        self._rest = bytearray(rest)
        return frames


class Adapter(ABC):
    """One IM system. Each worker creates one, from the scenario's `target.server`.

    `subprotocols` are offered in the WebSocket handshake. `transports` are those that the adapter
    can use, the usual one first; a scenario chooses with `load.transport`. Capabilities and traits
    that depend on the settings are set in `__init__`. `ids_are_per_sender` is whether a message id
    has to be unique only among those of one sender in one conversation: then some messages of
    others have the same ids, so that a server that confuses them loses some.
    """

    capabilities: frozenset[str] = frozenset()
    subprotocols: tuple[str, ...] = ()
    transports: ClassVar[tuple[str, ...]] = ("websocket",)
    traits: Traits = Traits()
    ids_are_per_sender: ClassVar[bool] = False

    def __init__(self, settings: Settings) -> None:  # noqa: B027 - many systems need no settings
        ...

    def use(self, transport: str) -> None:  # noqa: B027 - most adapters have one transport
        """Note the transport of this load, one of `transports`; called before any codec exists."""

    def url(self, url: str) -> str:
        """Return the address to dial for one that the target, a login or the server named."""
        return url

    def framing(self) -> Framing:
        """TCP: return the framing of a new connection."""
        raise NotImplementedError

    def prepare(
        self, accounts: Sequence[Account], conversations: Mapping[str, Sequence[str]]
    ) -> Preparation | None:
        """Return the requests that create what the users need; None if they need nothing.

        They are made before the load begins and before any codec exists, and may take minutes.
        `conversations` names the members of each. What the requests create may exist already. A
        ProtocolError ends the load before it begins.
        """
        return None

    @abstractmethod
    def codec(self, account: Account, device: str) -> Codec:
        """Return the codec of a new session."""
