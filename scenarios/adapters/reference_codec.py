"""The codec of the reference server's protocol, `im.v1` (docs/reference/protocol.md)."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Final, TypeVar

import msgspec

from gauntlet.builds import mypyc_attr
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.reference_frames import (
    Acknowledgement,
    Attendance,
    Error,
    Frame,
    Friends,
    HeadsPage,
    History,
    Members,
    Position,
    Refusal,
    Session,
    Stickers,
)

T = TypeVar("T")

_CURSORS_MAX: Final = 1_000

# What decoding raises: text may be no UTF-8.
_INVALID: Final = (msgspec.DecodeError, UnicodeDecodeError)
_encode: Final = msgspec.json.Encoder().encode
_decode_frame: Final = msgspec.json.Decoder(Frame).decode
_decode_acknowledgement: Final = msgspec.json.Decoder(Acknowledgement).decode
_decode_history: Final = msgspec.json.Decoder(History).decode
_decode_heads: Final = msgspec.json.Decoder(HeadsPage).decode
_decode_session: Final = msgspec.json.Decoder(Session).decode
_decode_position: Final = msgspec.json.Decoder(Position).decode
_decode_members: Final = msgspec.json.Decoder(Members).decode
_decode_attendance: Final = msgspec.json.Decoder(Attendance).decode
_decode_friends: Final = msgspec.json.Decoder(Friends).decode
_decode_stickers: Final = msgspec.json.Decoder(Stickers).decode


@mypyc_attr(allow_interpreted_subclasses=True)
class ReferenceCodec(base.Codec):
    """One session of `im.v1`: sends, history and rooms over HTTP, pushes over the WebSocket."""

    __slots__ = ("_device", "_heads", "_lasts_s", "_token", "_user")

    def __init__(self, user: str, device: str) -> None:
        self._user = user
        self._device = device
        self._token = ""
        self._lasts_s = 0
        # Heads that a new connection was told before `connected`: few users have so many.
        self._heads: dict[str, int] | None = None

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        self._heads = None
        if len(cursors) > _CURSORS_MAX:  # they inform the server, which needs none of them
            cursors = dict(islice(cursors.items(), _CURSORS_MAX))
        hello = {"token": self._token, "device": self._device, "cursors": cursors}
        return _encode({"connect": hello})

    def open_as(self, token: str, device: str) -> bytes:
        return _encode({"connect": {"token": token, "device": device, "cursors": {}}})

    def ack(self, conv: str, seq: int) -> bytes:
        return _encode({"ack": {"conv": conv, "seq": seq}})

    def enter(self, conv: str) -> bytes:
        return _encode({"enter": {"conv": conv}})

    def exit(self, conv: str) -> bytes:
        return _encode({"exit": {"conv": conv}})

    def exit_all(self) -> bytes:
        return b'{"leave":{}}'

    def ping(self) -> bytes:
        return b'{"ping":{}}'

    def read(self, frame: bytes) -> base.Event:
        try:
            content = _decode_frame(frame)
        except _INVALID as error:
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
                sticker=msg.sticker,
            )
        if (room := content.room) is not None:
            return base.Entry(room.conv, room.seq, event=room.event, user=room.user)
        if content.heads is not None or content.connected is not None:
            return self._read_start(content)
        return _read_control(content)

    def _read_start(self, frame: Frame) -> base.Event:
        """Return the event of a frame of the handshake: the last one has the heads of all."""
        if (connected := frame.connected) is None:
            assert frame.heads is not None, "the caller has looked"
            self._heads = (self._heads or {}) | frame.heads.heads
            return base.EventBatch()
        heads, self._heads = (self._heads or {}) | connected.heads, None
        edge = connected.client.partition("|")[0]
        environment = edge.split("-")[1] if edge.startswith("edge-") else ""
        return base.Connected(edge, environment, connected.ping_ms, connected.pong_ms, heads)

    def login(self) -> base.OverHttp[str]:
        body = _encode({"user": self._user, "device": self._device})
        return base.OverHttp(base.Request("POST", "/v1/sessions", body), self._read_login)

    def _read_login(self, response: base.Response) -> str:
        session = _decode(response, _decode_session)
        self._token, self._lasts_s = session.token, session.expires_in_s
        return session.connect.url

    def login_lasts_s(self) -> base.Number:
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

    def heads(self) -> base.OverHttp[dict[str, int]]:
        return base.OverHttp(base.Request("GET", "/v1/heads", token=self._token), _read_heads)

    def block(self, user: str) -> base.OverHttp[bool]:
        return self._friends("PUT", f"/v1/friends/{user}/block")

    def unblock(self, user: str) -> base.OverHttp[bool]:
        return self._friends("DELETE", f"/v1/friends/{user}/block")

    def befriend(self, user: str) -> base.OverHttp[bool]:
        return self._friends("PUT", f"/v1/friends/{user}")

    def unfriend(self, user: str) -> base.OverHttp[bool]:
        return self._friends("DELETE", f"/v1/friends/{user}")

    def contacts(self) -> base.OverHttp[base.Contacts]:
        return base.OverHttp(base.Request("GET", "/v1/friends", token=self._token), _read_contacts)

    def stickers(self) -> base.OverHttp[list[str]]:
        return base.OverHttp(base.Request("GET", "/v1/stickers", token=self._token), _read_stickers)

    def send_sticker(self, conv: str, client_msg_id: str, sticker: str) -> base.OverHttp[base.Sent]:
        request_body = _encode({"client_msg_id": client_msg_id, "sticker": sticker})
        path = f"/v1/conversations/{conv}/messages"
        return base.OverHttp(base.Request("POST", path, request_body, self._token), _read_send)

    def _friends(self, method: str, path: str) -> base.OverHttp[bool]:
        return base.OverHttp(base.Request(method, path, token=self._token), _read_success)

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


def _read_control(frame: Frame) -> base.Event:
    if frame.gap is not None:
        return base.Gap(frame.gap.conv, frame.gap.from_, frame.gap.to)
    if frame.ping is not None:
        return base.Heartbeat(frame.ping.heads, answer=b'{"pong":{}}')
    if frame.pong is not None:
        return base.Heartbeat(frame.pong.heads)
    if (reconnect := frame.reconnect) is not None:
        return base.ReconnectRequest(reconnect.url, reconnect.delay_ms, reconnect.deadline_ms)
    if frame.error is not None:
        return base.Refused(frame.error.code, frame.error.message)
    raise base.ProtocolError("the frame has no field that im.v1 defines")


def _read_send(response: base.Response) -> base.Sent:
    if response.status in (200, 201):
        ack = _decode(response, _decode_acknowledgement)
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
    page = _decode(response, _decode_history)
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
            entry.sticker,
        )
        for entry in page.messages
    ]
    return base.Page(entries, page.head, page.more)


def _read_success(response: base.Response) -> bool:
    if response.status not in (200, 201):
        raise base.ProtocolError(f"HTTP {response.status}: {response.body[:200]!r}")
    return True


def _read_heads(response: base.Response) -> dict[str, int]:
    page = _decode(response, _decode_heads)
    if page.next:  # the call is to return the heads of all conversations
        raise base.ProtocolError("the list of heads has more than one page")
    return page.heads


def _read_position(response: base.Response) -> int:
    return _decode(response, _decode_position).seq


def _read_members(response: base.Response) -> dict[str, int]:
    members = _decode(response, _decode_members).members
    return {user: member.from_ for user, member in members.items()}


def _read_attendance(response: base.Response) -> list[str]:
    return _decode(response, _decode_attendance).present


def _read_contacts(response: base.Response) -> base.Contacts:
    lists = _decode(response, _decode_friends)
    return base.Contacts(lists.friends, lists.incoming, lists.outgoing, lists.blocked)


def _read_stickers(response: base.Response) -> list[str]:
    packs = _decode(response, _decode_stickers).packs
    return [f"{pack}/{sticker}" for pack, stickers in packs.items() for sticker in stickers]


def _decode(response: base.Response, decode: Callable[[bytes], T]) -> T:
    """Return the body of a 200 or 201; ProtocolError for any other response."""
    if response.status not in (200, 201):
        raise base.ProtocolError(f"HTTP {response.status}: {response.body[:200]!r}")
    try:
        return decode(response.body)
    except _INVALID as error:
        raise base.ProtocolError(
            f"HTTP {response.status}: {error}: {response.body[:200]!r}"
        ) from error


def _refusal(response: base.Response) -> Refusal | None:
    try:
        return msgspec.json.decode(response.body, type=Error).error
    except _INVALID:
        return None
