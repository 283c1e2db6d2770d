"""The reference server's protocol, `im.v1` (docs/reference/protocol.md)."""

from collections.abc import Mapping
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from gauntlet.scenarios.adapters import base


class _Connected(msgspec.Struct):
    client: str
    ping_ms: int
    pong_ms: int
    heads: dict[str, int] = {}


class _Msg(msgspec.Struct):
    conv: str
    seq: int
    client_msg_id: str
    sender: str
    body: str
    msg_id: str = ""
    ts: int = 0


class _Room(msgspec.Struct):
    conv: str
    seq: int
    event: str
    user: str


class _Gap(msgspec.Struct):
    conv: str
    from_: int = msgspec.field(name="from")
    to: int


class _Reconnect(msgspec.Struct):
    url: str
    delay_ms: int = 0
    deadline_ms: int = 0


class _Heads(msgspec.Struct):
    heads: dict[str, int] = {}


class _Refusal(msgspec.Struct):
    code: str
    message: str = ""
    temporary: bool = False
    stored: str = "unknown"


class _Frame(msgspec.Struct):
    """A frame has exactly one of these fields."""

    msg: _Msg | None = None
    room: _Room | None = None
    gap: _Gap | None = None
    ping: _Heads | None = None
    pong: _Heads | None = None
    connected: _Connected | None = None
    reconnect: _Reconnect | None = None
    error: _Refusal | None = None


class _Connect(msgspec.Struct):
    url: str


class _Session(msgspec.Struct):
    token: str
    connect: _Connect
    expires_in_s: int = 0


class _Position(msgspec.Struct):
    seq: int


class _Acknowledgement(msgspec.Struct):
    seq: int
    conv: str = ""
    client_msg_id: str = ""
    msg_id: str = ""
    ts: int = 0


class _HistoryEntry(msgspec.Struct):
    type: str
    seq: int
    client_msg_id: str = ""
    sender: str = ""
    body: str = ""
    event: str = ""
    user: str = ""
    msg_id: str = ""
    ts: int = 0


class _History(msgspec.Struct):
    messages: list[_HistoryEntry]
    head: int
    more: bool = False  # the page ended before its limit, because its messages are large


class _Member(msgspec.Struct):
    from_: int = msgspec.field(name="from")


class _Members(msgspec.Struct):
    members: dict[str, _Member]


class _Attendance(msgspec.Struct):
    present: list[str]


class _Error(msgspec.Struct):
    error: _Refusal


_T = TypeVar("_T")

_encode = msgspec.json.Encoder().encode
_decode_frame = msgspec.json.Decoder(_Frame).decode


class Reference(base.Adapter):
    """The reference server: all capabilities except RESUME; clients catch up from the history."""

    kind = base.AdapterKind(
        "reference",
        "the reference server (`im.v1`)",
        capabilities=tuple(name for name in base.CAPABILITIES if name != base.RESUME),
        stacks=("embedded", "full"),
    )
    capabilities = frozenset(kind.capabilities)
    subprotocols = ("im.v1.json",)

    def url(self, url: str) -> str:
        return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1/ws"

    def codec(self, account: base.Account, device: str) -> "Codec":
        return Codec(account.name, device)


class Codec(base.Codec):
    """One session of `im.v1`: sends, history and rooms over HTTP, pushes over the WebSocket."""

    __slots__ = ("_device", "_lasts_s", "_token", "_user")

    def __init__(self, user: str, device: str) -> None:
        self._user = user
        self._device = device
        self._token = ""
        self._lasts_s = 0

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        hello = {"token": self._token, "device": self._device, "cursors": cursors}
        return _encode({"connect": hello})

    def ack(self, conv: str, seq: int) -> bytes:
        return _encode({"ack": {"conv": conv, "seq": seq}})

    def enter(self, conv: str) -> bytes:
        return _encode({"enter": {"conv": conv}})

    def exit(self, conv: str) -> bytes:
        return _encode({"exit": {"conv": conv}})

    def ping(self) -> bytes:
        return b'{"ping":{}}'

    def read(self, frame: bytes) -> base.Event:
        try:
            content = _decode_frame(frame)
        except msgspec.DecodeError as error:
            raise base.ProtocolError(f"not a frame: {error}") from error
        if (msg := content.msg) is not None:
            return base.Entry(
                msg.conv,
                msg.seq,
                msg.sender,
                msg.body,
                msg.client_msg_id,
                id=msg.msg_id,
                stamped_ms=msg.ts,
            )
        if (room := content.room) is not None:
            return base.Entry(room.conv, room.seq, event=room.event, user=room.user)
        return _read_control(content)

    def login(self) -> base.OverHttp[str]:
        body = _encode({"user": self._user, "device": self._device})
        return base.OverHttp(base.Request("POST", "/v1/sessions", body), self._read_login)

    def _read_login(self, response: base.Response) -> str:
        session = _decode(response, _Session)
        self._token, self._lasts_s = session.token, session.expires_in_s
        return session.connect.url

    def login_lasts_s(self) -> float:
        return self._lasts_s

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverHttp[base.Sent]:
        request_body = _encode({"client_msg_id": client_msg_id, "body": body})
        path = f"/v1/conversations/{conv}/messages"
        return base.OverHttp(base.Request("POST", path, request_body, self._token), _read_send)

    def history(self, conv: str, after: base.Cursor, limit: int) -> base.OverHttp[base.Page]:
        path = f"/v1/conversations/{conv}/messages?after={after}&limit={limit}"
        return base.OverHttp(
            base.Request("GET", path, token=self._token), partial(_read_history, conv)
        )

    def add_member(self, conv: str, user: str) -> base.OverHttp[int]:
        path = f"/v1/rooms/{conv}/members/{user}"
        return base.OverHttp(base.Request("PUT", path, token=self._token), _read_position)

    def remove_member(self, conv: str, user: str) -> base.OverHttp[int]:
        path = f"/v1/rooms/{conv}/members/{user}"
        return base.OverHttp(base.Request("DELETE", path, token=self._token), _read_position)

    def members(self, conv: str) -> base.OverHttp[dict[str, int]]:
        path = f"/v1/rooms/{conv}/members"
        return base.OverHttp(base.Request("GET", path, token=self._token), _read_members)

    def attendance(self, conv: str) -> base.OverHttp[list[str]]:
        path = f"/v1/rooms/{conv}/members"
        return base.OverHttp(base.Request("GET", path, token=self._token), _read_attendance)


def _read_control(frame: _Frame) -> base.Event:
    if frame.gap is not None:
        return base.Gap(frame.gap.conv, frame.gap.from_, frame.gap.to)
    if frame.ping is not None:
        return base.Heartbeat(frame.ping.heads, answer=b'{"pong":{}}')
    if frame.pong is not None:
        return base.Heartbeat(frame.pong.heads)
    if (connected := frame.connected) is not None:
        edge = connected.client.partition("|")[0]
        environment = edge.split("-")[1] if edge.startswith("edge-") else ""
        return base.Connected(
            edge, environment, connected.ping_ms, connected.pong_ms, connected.heads
        )
    if (reconnect := frame.reconnect) is not None:
        return base.ReconnectRequest(reconnect.url, reconnect.delay_ms, reconnect.deadline_ms)
    if frame.error is not None:
        return base.Refused(frame.error.code, frame.error.message)
    raise base.ProtocolError("the frame has no field that im.v1 defines")


def _read_send(response: base.Response) -> base.Sent:
    if response.status in (200, 201):
        ack = _decode(response, _Acknowledgement)
        return base.Sent(
            "yes",
            ack.seq,
            conv=ack.conv,
            client_msg_id=ack.client_msg_id,
            id=ack.msg_id,
            stamped_ms=ack.ts,
        )
    refusal = _refusal(response)
    if refusal is None:
        return base.Sent("unknown", retry_after_s=response.retry_after_s)
    wait_s = response.retry_after_s
    if refusal.stored == "no":
        return base.Sent("no", temporary=refusal.temporary, retry_after_s=wait_s)
    return base.Sent("unknown", retry_after_s=wait_s)


def _read_history(conv: str, response: base.Response) -> base.Page:
    page = _decode(response, _History)
    entries = [
        base.Entry(
            conv,
            entry.seq,
            entry.sender,
            entry.body,
            entry.client_msg_id,
            entry.event,
            entry.user,
            entry.msg_id,
            entry.ts,
        )
        for entry in page.messages
    ]
    return base.Page(entries, page.head, page.more)


def _read_position(response: base.Response) -> int:
    return _decode(response, _Position).seq


def _read_members(response: base.Response) -> dict[str, int]:
    members = _decode(response, _Members).members
    return {user: member.from_ for user, member in members.items()}


def _read_attendance(response: base.Response) -> list[str]:
    return _decode(response, _Attendance).present


def _decode(response: base.Response, kind: type[_T]) -> _T:
    """Return the body of a 200 or 201; ProtocolError for any other response."""
    if response.status not in (200, 201):
        raise base.ProtocolError(f"HTTP {response.status}: {response.body[:200]!r}")
    try:
        return msgspec.json.decode(response.body, type=kind)
    except msgspec.DecodeError as error:
        raise base.ProtocolError(
            f"HTTP {response.status}: {error}: {response.body[:200]!r}"
        ) from error


def _refusal(response: base.Response) -> _Refusal | None:
    try:
        return msgspec.json.decode(response.body, type=_Error).error
    except msgspec.DecodeError:
        return None
