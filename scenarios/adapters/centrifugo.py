"""Centrifugo over WebSocket, in its JSON protocol: a channel for each conversation.

How Gauntlet's terms map to Centrifugo:

- **Acknowledged**: the server has answered the publication, and the channel's history has it.
- **No positions**: an offset is dense only within an *epoch* of its channel, a new epoch begins at
  1 again, and the answer to a publication does not contain the offset. So an entry's id is epoch
  and offset together (docs/decisions/020-ids-of-centrifugo-and-socketio.md).
- **Resumed**: after a reconnect, each subscription asks the server to recover what was published
  after its last position. The connection counts as resumed if all channels were recovered.
- **A room** is a channel as well: membership is the subscription, and there is no attendance.
- **Clean-up** removes the history of channels that belong to the run alone, through the server's
  HTTP API.
- **Sends are not repeated**: a publication by a client has no key with which the server could
  recognise a repetition.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters._byte_stream import read_flag
from gauntlet.scenarios.adapters._subscribed_rooms import SubscribedRooms
from gauntlet.scenarios.adapters.base import (
    DEVICES,
    HISTORY,
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    SELF_ECHO,
    Answer,
    Connected,
    Entry,
    Event,
    EventBatch,
    Heartbeat,
    Kept,
    OverHttp,
    ProtocolError,
    Refused,
    Removal,
    Removed,
    Request,
    Response,
    RunData,
    SendFrames,
)

# The key of the stack `centrifugo`, which listens on loopback only.
STACK_KEY = "gauntlet"
PATH = "/connection/websocket"
_PING_S = 25  # the server's default
_CHANNEL = "history of a channel"
_INTERNAL = 100
# What reading JSON of another form raises; the last one for a number such as 1e999.
_INVALID = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
_UNRECOVERABLE = 112  # "unrecoverable position": the epoch or the offset is gone

# How a call ends whose reply was lost with its connection.
_UNANSWERED = {"publish": base.Sent("unknown", temporary=False), "history": None}


class Centrifugo(base.Adapter):
    """A Centrifugo server (version 4 or later).

    Settings (`target.server`): `token_key` (signs the users' tokens; an account's own token is used
    unchanged), `namespace` (of the channels), `history` (false if the channels have no history and
    no recovery), `history_size` and `history_ttl_s` (what the server keeps of a channel; 0 means no
    limit), `at_most_once` (whether what a user missed is not owed to them; by default, if there is
    no history), `api_key` (of the HTTP API, for `gauntlet clean`), `ping_ms` and `pong_ms`.
    """

    kind = base.AdapterKind(
        "centrifugo",
        "Centrifugo, over WebSocket in JSON",
        capabilities=(HISTORY, RESUME, SELF_ECHO, DEVICES, ROOMS, OPEN_ACCOUNTS),
        stacks=("centrifugo",),
    )
    capabilities = frozenset(kind.capabilities)
    settings: ClassVar[frozenset[str]] = frozenset(
        {"token_key", "namespace", "history", "history_size", "history_ttl_s"}
        | {"at_most_once", "api_key", "ping_ms", "pong_ms"}
    )

    def __init__(self, settings: base.Settings) -> None:
        self._key = str(settings.get("token_key", STACK_KEY))
        namespace = str(settings.get("namespace", ""))
        self._prefix = f"{namespace}:" if namespace else ""
        size, age_s = (float(settings.get(name, 0)) for name in ("history_size", "history_ttl_s"))
        history, retention = read_flag(settings, "history", default=True), None
        if not history:
            self.capabilities = self.capabilities - {HISTORY, RESUME}
        elif size or age_s:
            retention = base.Retention(count=int(size) or None, age_s=age_s or None)
        at_most_once = read_flag(settings, "at_most_once", default=not history)
        self.traits = base.Traits(at_most_once=at_most_once, retention=retention)
        self._api_key = str(settings.get("api_key", ""))
        self._has_history = history
        self._ping_ms = int(settings.get("ping_ms", 0))
        self._pong_ms = int(settings.get("pong_ms", 10_000))

    def url(self, url: str) -> str:
        return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}{PATH}"

    def codec(self, account: base.Account, device: str) -> "Codec":
        token = account.token or sign_token(account.name, self._key)
        codec = Codec(account.name, token, self._prefix, self._ping_ms, self._pong_ms)
        codec.api_key, codec.has_history = self._api_key, self._has_history
        return codec


def sign_token(user: str, key: str) -> str:
    """Return a JSON Web Token (RFC 7519, HS256) that names a user and does not expire."""
    header = _base64url(b'{"alg":"HS256","typ":"JWT"}')
    content = header + b"." + _base64url(json.dumps({"sub": user}).encode())
    signature = hmac.digest(key.encode(), content, hashlib.sha256)
    return (content + b"." + _base64url(signature)).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class _Position:
    """How far a subscription has received its channel."""

    __slots__ = ("epoch", "offset")

    def __init__(self) -> None:
        self.epoch, self.offset = "", 0


class Codec(SubscribedRooms):
    """The session of one user, over all of its connections."""

    def __init__(self, user: str, token: str, prefix: str, ping_ms: int, pong_ms: int) -> None:
        self._user, self._token, self._prefix = user, token, prefix
        self.api_key, self.has_history = "", True
        self._ping_ms, self._pong_ms = ping_ms, pong_ms
        self._positions: dict[str, _Position] = {}  # by conversation
        self._numbers = count(1)
        # The commands without a reply on this connection: what they are, and what they are about.
        self._open: dict[int, tuple[str, str]] = {}
        self._pages: dict[int, tuple[str, int]] = {}  # conversation and limit of history commands
        self._connected: Connected | None = None  # until all channels are subscribed
        self._subscribing = 0
        # Whether every channel was recovered since the last `Connected`. The first connection
        # recovers nothing.
        self._recovered = False
        self._held: list[Event] = []  # what arrives before `Connected`

    def set_conversations(self, conversations: Mapping[str, Sequence[str]]) -> None:
        for name in conversations:
            self._positions.setdefault(name, _Position())

    # Commands.

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        # What was held when the last connection ended is kept: it is not asked for again.
        self._held += [
            Answer(ticket=about, value=_UNANSWERED[name])
            for name, about in self._open.values()
            if name in _UNANSWERED
        ]
        self._open, self._pages, self._connected = {}, {}, None
        return self._command("connect", "", {"token": self._token})

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverSocket[base.Sent]:
        data = {"id": client_msg_id, "from": self._user, "body": body}
        frame = self._command("publish", client_msg_id, {"channel": self._channel(conv)}, data)
        return base.OverSocket(client_msg_id, (frame,))

    def history(self, conv: str, after: base.Cursor, limit: int) -> base.OverSocket[base.Page]:
        ticket = f"page{next(self._numbers)}"
        return base.OverSocket(ticket, (self._history(ticket, conv, str(after), limit),))

    def _history(self, ticket: str, conv: str, after: str, limit: int) -> bytes:
        asked: dict[str, Any] = {"channel": self._channel(conv), "limit": limit}
        if after:
            epoch, _, offset = after.rpartition("/")
            asked["since"] = {"epoch": epoch, "offset": int(offset)}
        frame = self._command("history", ticket, asked)
        self._pages[max(self._open)] = (conv, limit)
        return frame

    def _subscribe(self, conv: str) -> bytes:
        asked: dict[str, Any] = {"channel": self._channel(conv)}
        position = self._positions[conv]
        if position.epoch:
            asked |= {"recover": True, "epoch": position.epoch, "offset": position.offset}
        return self._command("subscribe", conv, asked)

    def _command(
        self, name: str, about: str, asked: dict[str, Any], data: dict[str, str] | None = None
    ) -> bytes:
        number = next(self._numbers)
        self._open[number] = (name, about)
        if data is not None:
            asked["data"] = data
        return json.dumps({"id": number, name: asked}, separators=(",", ":")).encode()

    def _channel(self, conv: str) -> str:
        return f"{self._prefix}{conv}"

    # Removing what a run has created.

    def clean_up(self, data: RunData) -> Sequence[Removal | Kept]:
        if not self.has_history:
            return ()
        reason = "others may have published in the channel"
        shared = [Kept(_CHANNEL, self._channel(conv), reason) for conv in data.shared]
        channels = [self._channel(conv) for conv in data.conversations]
        if not self.api_key:
            reason = "target.server.api_key is not set"
            return [*shared, *(Kept(_CHANNEL, channel, reason) for channel in channels)]
        return [
            *shared,
            *(Removal(_CHANNEL, name, partial(self._remove_history, name)) for name in channels),
        ]

    def _remove_history(self, channel: str) -> OverHttp[Removed]:
        commands = [
            {"history": {"channel": channel, "limit": 1}},
            {"history_remove": {"channel": channel}},
        ]
        body = json.dumps({"commands": commands}).encode()
        headers = {"X-API-Key": self.api_key}
        return OverHttp(Request("POST", "/api/batch", body, headers=headers), _read_removed)

    # Replies and pushes.

    def read(self, frame: bytes) -> Event:
        try:
            events = [self._read(json.loads(line)) for line in frame.splitlines()]
        except _INVALID as error:
            raise ProtocolError(f"not a frame of Centrifugo: {error!r}") from error
        if not events:
            raise ProtocolError("an empty frame")
        return events[0] if len(events) == 1 else EventBatch(events=tuple(events))

    def _read(self, reply: dict[str, Any]) -> Event:
        if reply == {}:
            return Heartbeat(answer=b"{}")
        if "push" in reply:
            return self._hold(self._on_push(reply["push"]))
        name, about = self._open.pop(reply["id"])
        error = reply.get("error")
        if name == "history":
            page = self._pages.pop(reply["id"])
            return self._on_history(about, *page, reply.get(name), error)
        if name == "publish":
            return self._hold(Answer(ticket=about, value=_sent(error)))
        if error is not None:
            return Refused(code=str(error["code"]), message=f"{name}: {error['message']}")
        reader = self._on_connect if name == "connect" else self._on_subscribe
        return reader(about, reply[name])

    def _on_connect(self, _about: str, reply: dict[str, Any]) -> Event:
        # The server pings; if it has said nothing for `ping_ms` + `pong_ms`, it is gone.
        ping_ms = self._ping_ms or int(reply.get("ping", _PING_S)) * 1000
        self._connected = Connected(
            edge=str(reply.get("node", "centrifugo")), ping_ms=ping_ms, pong_ms=self._pong_ms
        )
        self._subscribing = len(self._positions)
        if not self._subscribing:
            return self._release()
        return SendFrames(frames=tuple(self._subscribe(conv) for conv in self._positions))

    def _on_subscribe(self, conv: str, reply: dict[str, Any]) -> Event:
        position = self._positions[conv]
        if position.epoch:
            self._recovered &= bool(reply.get("recovered"))
        epoch = reply.get("epoch", "")
        position.epoch = epoch
        entries = [self._on_publication(conv, row) for row in reply.get("publications", ())]
        position.offset = max(int(reply.get("offset", 0)), 0)
        self._held += entries
        self._subscribing -= 1
        return EventBatch() if self._subscribing else self._release()

    def _release(self) -> Event:
        """Return `Connected`, and after it all that has arrived before."""
        assert self._connected is not None
        up = Connected(
            edge=self._connected.edge,
            ping_ms=self._connected.ping_ms,
            pong_ms=self._connected.pong_ms,
            resumed=self._recovered,
        )
        held, self._held, self._connected, self._recovered = self._held, [], None, True
        return EventBatch(events=(up, *held))

    def _hold(self, event: Event) -> Event:
        if self._connected is None:
            return event
        self._held.append(event)
        return EventBatch()

    def _on_push(self, push: dict[str, Any]) -> Event:
        if "pub" in push:
            return self._on_publication(push["channel"].removeprefix(self._prefix), push["pub"])
        if "disconnect" in push:
            reason = push["disconnect"]
            return Refused(code=str(reason["code"]), message=str(reason.get("reason", "")))
        if "unsubscribe" in push:  # the session reconnects, and recovers the channel
            raise ProtocolError(f"unsubscribed from {push['channel']}: {push['unsubscribe']}")
        return EventBatch()  # join, leave, and what later versions add

    def _on_publication(self, conv: str, row: dict[str, Any]) -> Entry:
        offset, data = int(row.get("offset", 0)), row["data"]
        position = self._positions.setdefault(conv, _Position())
        position.offset = offset
        return _entry(conv, position.epoch, offset, data)

    def _on_history(
        self,
        ticket: str,
        conv: str,
        limit: int,
        reply: dict[str, Any] | None,
        error: dict[str, Any] | None,
    ) -> Event:
        if error is not None and error["code"] == _UNRECOVERABLE:
            # The entries after the position are gone, so the history is read from its beginning.
            return SendFrames(frames=(self._history(ticket, conv, "", limit),))
        if reply is None:
            return Answer(ticket=ticket, value=None)
        rows, epoch = reply.get("publications", ()), reply.get("epoch", "")
        entries = [_entry(conv, epoch, int(row["offset"]), row["data"]) for row in rows]
        more = bool(rows) and int(rows[-1]["offset"]) < int(reply.get("offset", 0))
        return Answer(ticket=ticket, value=base.Page(entries=entries, more=more))


def _read_removed(response: Response) -> Removed:
    if response.status != 200:
        return Removed(0, problem=f"the HTTP API answered with the status {response.status}")
    try:
        found, removed = json.loads(response.body)["replies"]
        error = removed.get("error") or found.get("error")
        if error:
            return Removed(0, problem=f"the HTTP API answered: {error['message']}")
        return Removed(len(found["history"].get("publications") or ()))
    except _INVALID as wrong:
        raise ProtocolError(f"not an answer of the HTTP API: {wrong!r}") from wrong


def _entry(conv: str, epoch: str, offset: int, data: Mapping[str, Any]) -> Entry:
    return Entry(
        conv=conv,
        seq=0,
        sender=str(data["from"]),
        body=str(data["body"]),
        client_msg_id=str(data["id"]),
        # Channels without history number nothing, so a copy is not recognised, nor allowed.
        id=f"{epoch}/{offset}" if offset else "",
    )


def _sent(error: Mapping[str, Any] | None) -> base.Sent:
    if error is None:
        return base.Sent("yes")
    # An internal error may have come after the history was written; others are refusals.
    stored: Literal["no", "unknown"] = "unknown" if error["code"] == _INTERNAL else "no"
    return base.Sent(stored, temporary=bool(error.get("temporary")))
