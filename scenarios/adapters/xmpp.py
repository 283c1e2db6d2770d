"""XMPP over WebSocket: RFC 7395, stream management (XEP-0198), archive (XEP-0313).

How Gauntlet's terms map to XMPP:

- **Acknowledged**: the server has counted the message in `<a h>`. By XEP-0198 it has then taken
  responsibility for it; the audit of the archive shows whether it kept the message.
- **No positions**: entries have the id that the reader's own archive assigns (XEP-0359).
- **Sends are not repeated** on a session that could not be resumed: a server that had received
  them would store and deliver them twice. They end as unknown.
- **No echo**: a message is not sent to the device that sent it.
- **Sign-up** is the in-band registration on the first connection (XEP-0077).
- **Clean-up** discards the queued messages of accounts that the run created, and removes these
  accounts. Archives have no operation that removes single messages.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import msgspec

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters import xmpp_stanzas as stanzas
from gauntlet.scenarios.adapters.base import (
    HISTORY,
    RESUME,
    Answer,
    Connected,
    Created,
    Event,
    EventBatch,
    Kept,
    ProtocolError,
    Refused,
    Removal,
    Removed,
    RunData,
    SendFrames,
)
from gauntlet.scenarios.adapters.xmpp_stanzas import CLIENT, FORWARD, MAM, PING, SASL, SM, STREAM

NOTHING = EventBatch()
_HEARTBEAT = {"ping_ms": 10_000, "pong_ms": 5_000}
_REGISTER, _UNREGISTER, _QUEUED = "register", "unregister", "queued"
_NOT_FOUND = "{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found"


class Xmpp(base.Adapter):
    """An XMPP server.

    Settings (`target.server`): `domain`, `password` (default: the user's name), `ping_ms` and
    `pong_ms`.
    """

    kind = base.AdapterKind(
        "xmpp",
        "XMPP servers, over WebSocket (RFC 7395)",
        capabilities=(HISTORY, RESUME),
        stacks=("prosody", "ejabberd"),
    )
    capabilities = frozenset(kind.capabilities)
    subprotocols = ("xmpp",)

    def __init__(self, settings: base.Settings) -> None:
        self._domain = str(settings.get("domain", "localhost"))
        self._password = str(settings.get("password", ""))
        # An XMPP server announces no heartbeat interval, so the client uses its own.
        ping_ms, pong_ms = (int(settings.get(*default)) for default in _HEARTBEAT.items())
        self._greeting = Connected(self._domain, "", ping_ms, pong_ms, {})

    def url(self, url: str) -> str:
        return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/xmpp-websocket"

    def codec(self, account: base.Account, device: str) -> "Codec":
        password = account.password or self._password or account.name
        return Codec(account.name, device, password, self._greeting)


class _Stanza(NamedTuple):
    """A stanza that the server has not acknowledged; `call` is the ticket of its call, if any."""

    frame: bytes
    call: str
    is_message: bool


class _Query(NamedTuple):
    """An archive query without its final answer, and the entries received so far."""

    peer: str
    limit: int
    entries: list[base.Entry]


class Codec(base.Codec):
    """The XMPP session of one user, over all of its connections."""

    def __init__(self, user: str, device: str, password: str, greeting: Connected) -> None:
        self._user, self._device, self._password = user, device, password
        self._greeting = greeting
        self._domain = greeting.edge
        self._numbers = count(1)
        self._authenticated = False
        self._up = False
        self._session = ""  # the id with which to resume
        self._received = 0  # stanzas of this session from the server
        self._acked = 0  # stanzas of this session that the server has acknowledged
        self._unacked: deque[_Stanza] = deque()
        self._waiting: list[_Stanza] = []  # to be sent when the session is up
        self._queries: dict[str, _Query] = {}
        self._peers: dict[str, str] = {}  # by conversation
        self._registers = False  # whether the account is to be created on the next connection
        self._unregistering = False
        self._queued = 0  # messages that were received during a clean-up

    # Methods of the session.

    def sign_up(self) -> base.Immediate[bool]:
        self._registers = True
        return base.Immediate(value=False)

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        self._authenticated = False
        return stanzas.open_stream(self._domain)

    def lost(self) -> None:
        self._up = False

    def goodbye(self) -> bytes:
        self._session = ""
        return stanzas.CLOSE

    def ping(self) -> bytes:
        frame = stanzas.ping(f"ping{next(self._numbers)}")
        return b"".join(self._put(_Stanza(frame, "", is_message=False)))

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverSocket[base.Sent]:
        frame = stanzas.message(self._peer(conv), client_msg_id, body)
        frames = self._put(_Stanza(frame, client_msg_id, is_message=True))
        return base.OverSocket(client_msg_id, (*frames, stanzas.REQUEST_ACK) if frames else ())

    def history(self, conv: str, after: base.Cursor, limit: int) -> base.OverSocket[base.Page]:
        ticket = f"page{next(self._numbers)}"
        query = self._queries[ticket] = _Query(self._peer(conv), limit, [])
        return base.OverSocket(ticket, self._ask(ticket, query, str(after)))

    def _ask(self, ticket: str, query: _Query, after: str) -> tuple[bytes, ...]:
        frame = stanzas.archive_query(ticket, query.peer, after, query.limit)
        return self._put(_Stanza(frame, ticket, is_message=False))

    def _put(self, stanza: _Stanza) -> tuple[bytes, ...]:
        """Return the frames to send now for a stanza: none before the session is up."""
        if not self._up:
            self._waiting.append(stanza)
            return ()
        self._unacked.append(stanza)
        return (stanza.frame,)

    def set_conversations(self, conversations: Mapping[str, Sequence[str]]) -> None:
        # Names of accounts may contain dots, so that a conversation's name cannot be taken apart.
        self._peers = {
            conv: next(member for member in members if member != self._user)
            for conv, members in conversations.items()
        }

    def _peer(self, conv: str) -> str:
        if conv not in self._peers:
            first, second = conv.split(".")[1:]
            return f"{second if first == self._user else first}@{self._domain}"
        return f"{self._peers[conv]}@{self._domain}"

    # Elements from the server.

    def read(self, frame: bytes) -> Event:
        element = stanzas.parse(frame)
        if element.tag.startswith(CLIENT):
            self._received += 1
        reader = self._READERS.get(element.tag)
        return NOTHING if reader is None else reader(self, element)

    def _on_features(self, _features: Element) -> Event:
        if self._registers and not self._authenticated:
            return SendFrames((stanzas.register(self._user, self._password),))
        if not self._authenticated:
            return SendFrames((self._authentication(),))
        if self._session:
            return SendFrames((stanzas.resume(self._session, self._received),))
        return SendFrames((stanzas.bind(self._device),))

    def _authentication(self) -> bytes:
        return stanzas.auth_plain(self._user, self._password)

    def _on_registered(self, iq: Element) -> Event:
        created = iq.get("type") == "result"
        if not created and (why := stanzas.condition(iq)) != "conflict":
            return Refused("registration", why)
        self._registers = False
        new = (Created("account", self._user),) if created else ()
        return EventBatch((*new, SendFrames((self._authentication(),))))

    def _on_success(self, _success: Element) -> Event:
        self._authenticated = True
        return SendFrames((stanzas.open_stream(self._domain),))

    def _on_refusal(self, refusal: Element) -> Event:
        conditions = [child.tag.partition("}")[2] for child in refusal]
        if self._unregistering and "not-authorized" in conditions:
            return Answer(_UNREGISTER, Removed())  # how a server ends the stream of no account
        return Refused(conditions[0] if conditions else "refused", "")

    def _on_enabled(self, enabled: Element) -> Event:
        """A new session has begun: the server knows nothing of the calls of the old one."""
        ended = self._end_all(base.Sent("unknown", temporary=False))
        self._session = enabled.get("id", "") if enabled.get("resume") in ("true", "1") else ""
        self._received = self._acked = 0
        presence = _Stanza(stanzas.PRESENCE, "", is_message=False)
        return EventBatch((self._start_sending((presence,)), self._greeting, *ended))

    def _on_resumed(self, resumed: Element) -> Event:
        acked = self._on_ack(resumed)
        again, self._unacked = tuple(self._unacked), deque()
        return EventBatch(
            (
                self._start_sending(again),
                msgspec.structs.replace(self._greeting, resumed=True),
                acked,
            )
        )

    def _start_sending(self, first: tuple[_Stanza, ...]) -> Event:
        """Note that the session is up, and send `first` and the waiting stanzas.

        This must precede the event `Connected`: stanzas that it leads to must follow these ones on
        the wire, as they do in the count of unacknowledged stanzas.
        """
        self._up = True
        waiting, self._waiting = self._waiting, []
        frames = [frame for stanza in (*first, *waiting) for frame in self._put(stanza)]
        return SendFrames((*frames, stanzas.REQUEST_ACK))

    def _on_failed(self, failed: Element) -> Event:
        if not self._session:
            raise ProtocolError("the server has no stream management (XEP-0198)")
        self._session = ""
        # If the server still knows its count, the stanzas beyond it were certainly not handled.
        known: tuple[Event, ...] = ()
        if failed.get("h") is not None:
            known = (self._on_ack(failed), *self._end_all(base.Sent("no")))
        return EventBatch((*known, SendFrames((stanzas.bind(self._device),))))

    def _end_all(self, sent: base.Sent) -> list[Event]:
        """End the calls whose stanzas were sent in the old session; messages end with `sent`."""
        lost, self._unacked = self._unacked, deque()
        pages, self._queries = self._queries, {}
        waiting = {stanza.call for stanza in self._waiting}
        self._queries = {ticket: page for ticket, page in pages.items() if ticket in waiting}
        return [
            *(Answer(stanza.call, sent) for stanza in lost if stanza.is_message),
            *(Answer(ticket, None) for ticket in pages if ticket not in waiting),
        ]

    def _on_request(self, _request: Element) -> Event:
        return SendFrames((stanzas.ack(self._received),))

    def _on_ack(self, ack: Element) -> Event:
        handled = stanzas.count_of(ack)
        acked: list[Event] = []
        while self._acked < handled and self._unacked:
            self._acked += 1
            stanza = self._unacked.popleft()
            if stanza.is_message:
                acked.append(Answer(stanza.call, base.Sent("yes")))
        return EventBatch(tuple(acked))

    def _on_message(self, message: Element) -> Event:
        result = message.find(f"{MAM}result")
        if result is not None:
            self._collect(result)
            return NOTHING
        if message.get("type") == "error":
            return Answer(message.get("id", ""), base.Sent("unknown", temporary=False))
        entry = stanzas.read_message(message)
        self._queued += entry is not None
        return entry or NOTHING

    # Removing what a run has created.

    def clean_up(self, data: RunData) -> Sequence[Removal | Kept]:
        if not data.owns_account:
            reason = "the run did not create the account, and no operation removes single messages"
            return (Kept("messages of an account", self._user, reason),)
        return (
            Removal("queued messages of an account", self._user, self._discard_queued),
            Removal("account", self._user, self._unregister),
        )

    def _discard_queued(self) -> base.OverSocket[Removed]:
        # The server sends what is queued after the presence, and so before the answer to a ping.
        ping = _Stanza(stanzas.ping(_QUEUED), _QUEUED, is_message=False)
        return base.OverSocket(_QUEUED, self._put(ping))

    def _unregister(self) -> base.OverSocket[Removed]:
        self._unregistering = True
        stanza = _Stanza(stanzas.unregister(_UNREGISTER), _UNREGISTER, is_message=False)
        return base.OverSocket(_UNREGISTER, self._put(stanza))

    def _on_cleaned(self, ident: str, iq: Element) -> Event:
        if ident == _QUEUED:  # with an acknowledgement, without which they would be queued again
            acknowledge = SendFrames((stanzas.ack(self._received),))
            return EventBatch((acknowledge, Answer(ident, Removed(self._queued))))
        refused = iq.get("type") != "result"
        problem = f"the server answered {stanzas.condition(iq)}" if refused else ""
        return Answer(ident, Removed(int(not refused), problem=problem))

    def _collect(self, result: Element) -> None:
        query = self._queries.get(result.get("queryid", ""))
        forwarded = result.find(f"{FORWARD}forwarded/{CLIENT}message")
        if query is not None and forwarded is not None:
            entry = stanzas.read_message(forwarded, result.get("id", ""))
            if entry is not None:
                query.entries.append(entry)

    def _on_iq(self, iq: Element) -> Event:
        ident = iq.get("id", "")
        if iq.get("type") == "get" and iq.find(f"{PING}ping") is not None:
            pong = _Stanza(stanzas.pong(ident, iq.get("from", "")), "", is_message=False)
            return SendFrames(self._put(pong))
        if ident == _REGISTER:
            return self._on_registered(iq)
        if ident in (_QUEUED, _UNREGISTER):
            return self._on_cleaned(ident, iq)
        if ident == "bind":
            if iq.get("type") != "result":
                return self._on_refusal(iq)
            return SendFrames((stanzas.ENABLE,))
        query = self._queries.pop(ident, None)
        return NOTHING if query is None else self._on_page(ident, query, iq)

    def _on_page(self, ident: str, query: _Query, iq: Element) -> Event:
        fin = iq.find(f"{MAM}fin")
        if fin is not None:
            more = fin.get("complete") != "true"
            return Answer(ident, base.Page(query.entries, more=more))
        if iq.find(f"{CLIENT}error/{_NOT_FOUND}") is not None and not query.entries:
            # XEP-0313: the archive no longer has the id, so it is read from the start.
            self._queries[ident] = query
            return SendFrames(self._ask(ident, query, ""))
        return Answer(ident, None)

    _READERS: ClassVar[dict[str, Callable[[Any, Element], Event]]] = {
        f"{STREAM}features": _on_features,
        f"{STREAM}error": _on_refusal,
        f"{SASL}success": _on_success,
        f"{SASL}failure": _on_refusal,
        f"{SM}enabled": _on_enabled,
        f"{SM}resumed": _on_resumed,
        f"{SM}failed": _on_failed,
        f"{SM}r": _on_request,
        f"{SM}a": _on_ack,
        f"{CLIENT}message": _on_message,
        f"{CLIENT}iq": _on_iq,
    }
