"""Frames: what systems send to the codecs of the adapters, and clients to the reference server."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from benchmarks.fuzzing import dialogues
from benchmarks.fuzzing.mutations import changed, damaged, written
from benchmarks.fuzzing.target import Target, Wrong
from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.connection import Connection
from gauntlet.scenarios.adapters import ADAPTERS, limits
from gauntlet.scenarios.adapters.base import (
    Account,
    Answer,
    Codec,
    Connected,
    Entry,
    Event,
    EventBatch,
    Gap,
    Heartbeat,
    OverHttp,
    Page,
    ProtocolError,
    ReconnectRequest,
    Refused,
    Response,
    SendFrames,
    Sent,
    ServerSentEvent,
)
from gauntlet.scenarios.network.event_stream import EventParser

# A session takes a RecursionError for a ProtocolError: the server has nested its JSON without end.
_DECLARED = (ProtocolError, RecursionError)
_STATUSES = (200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 408, 409, 429, 500, 503, 599)
_CLIENT_FRAMES: list[Any] = [
    {"connect": {"token": "t.s", "device": "d0", "cursors": {"d.ann.bob": 7, "r.lobby": 0}}},
    {"ack": {"conv": "d.ann.bob", "seq": 8}},
    {"enter": {"conv": "r.lobby"}},
    {"exit": {"conv": "r.lobby"}},
    {"leave": {}},
    {"ping": {}},
    {"pong": {}},
]


class Frames(Target):
    """All readers of frames; each input is for one of them."""

    def try_input(self, rng: Random) -> None:
        kinds: list[Callable[[Random], None]] = [
            *(_adapter_of(name) for name in dialogues.FRAMES),
            *(_answers_of(name) for name in dialogues.HTTP),
            _try_server,
            _try_batch,
            _try_event_stream,
        ]
        rng.choice(kinds)(rng)


def _adapter_of(name: str) -> Callable[[Random], None]:
    """Return what gives a session with some damaged frames to a codec."""

    def try_session(rng: Random) -> None:
        codec = _codec(name)
        codec.open({})
        for frame in _session(rng, codec, dialogues.FRAMES[name]):
            try:
                _check(codec.read(frame))
            except _DECLARED:
                if rng.random() < 0.5:  # the session has ended; the user connects again
                    return
                codec.lost()
                codec.open({})

    return try_session


def _codec(name: str) -> Codec:
    codec = ADAPTERS[name]({}).codec(Account(name="ann"), "d0")
    codec.set_conversations({dialogues.CONV: ("ann", "bob")})
    return codec


def _session(
    rng: Random, codec: Codec, frames_of: Callable[[Codec], Sequence[bytes]]
) -> Sequence[bytes]:
    """Return the frames of a session: some are damaged, left out or repeated."""
    session: list[bytes] = []
    share = rng.choice((0.02, 0.1, 0.4))
    if rng.random() < 0.7:
        codec.send(dialogues.CONV, dialogues.ID, dialogues.BODY)
    frames = frames_of(codec)
    for frame in frames:
        if rng.random() < share:
            session.append(_damaged_frame(rng, frame, frames))
        elif rng.random() < 0.9:
            session += [frame] * rng.choice((1, 1, 1, 2))
    if rng.random() < 0.2:
        rng.shuffle(session)
    return session


def _damaged_frame(rng: Random, frame: bytes, others: Sequence[bytes]) -> bytes:
    kind = type(frame)
    head, line, body = frame.partition(b"\r\n")
    if line and head.startswith(b"MSG ") and rng.random() < 0.7:
        return kind(_damaged_nats_message(rng, head, body.removesuffix(b"\r\n")))
    try:
        value = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = None
    if value is not None and rng.random() < 0.7:
        return kind(written(rng, changed(rng, value)))
    return kind(damaged(rng, bytes(frame), [bytes(each) for each in others]))


def _damaged_nats_message(rng: Random, head: bytes, body: bytes) -> bytes:
    """Return a message of NATS with another body, whose size is that which its head says."""
    try:
        body = written(rng, changed(rng, msgspec.json.decode(body)))
    except msgspec.DecodeError:
        body = damaged(rng, body)
    return b"%b %d\r\n%b\r\n" % (head.rpartition(b" ")[0], len(body), body)


def _answers_of(name: str) -> Callable[[Random], None]:
    """Return what gives damaged HTTP answers to the calls of a codec."""

    def try_answers(rng: Random) -> None:
        codec = _codec(name)
        calls: list[Callable[[], Any]] = [
            codec.login,
            codec.sign_up,
            lambda: codec.send(dialogues.CONV, dialogues.ID, dialogues.BODY),
            lambda: codec.history(dialogues.CONV, 0, 10),
            lambda: codec.members("r.x"),
            lambda: codec.add_member("r.x", "bob"),
            lambda: codec.attendance("r.x"),
        ]
        for _ in range(6):
            try:
                if name == "matrix" and rng.random() < 0.7:
                    codec.receive_request({})
                    _check(codec.read_response(_response(rng, name)))
                else:
                    _answer(rng, name, rng.choice(calls)())
            except (*_DECLARED, NotImplementedError):
                continue

    return try_answers


def _answer(rng: Random, name: str, call: object) -> None:
    if isinstance(call, OverHttp):
        _check_value(call.read(_response(rng, name)))


def _response(rng: Random, name: str) -> Response:
    value = rng.choice(dialogues.HTTP[name])
    if rng.random() < 0.6:
        value = changed(rng, value)
    body = written(rng, value)
    if rng.random() < 0.2:
        body = damaged(rng, body)
    return Response(rng.choice(_STATUSES), body, rng.choice((0.0, 1.5, 1e12)))


def _check(event: Event) -> None:
    """Check an event as a session does, and that the engine can use what passes."""
    if isinstance(event, EventBatch):
        for inner in event.events:
            _check(inner)
    elif isinstance(event, Entry):
        limits.check_entry(event)
    elif isinstance(event, Connected):
        limits.check_connected(event)
    elif isinstance(event, SendFrames):
        if not all(isinstance(frame, bytes) for frame in event.frames):
            raise Wrong(f"frames to send that are no bytes: {event.frames!r}")
    elif isinstance(event, Answer):
        limits.check_event(event)
        _check_value(event.value)
    elif isinstance(event, Gap | Heartbeat | ReconnectRequest | Refused):
        limits.check_event(event)


def _check_value(value: object) -> None:
    if isinstance(value, Sent):
        limits.check_sent(value)
    elif isinstance(value, Page):
        limits.check_page(value)


def _try_server(rng: Random) -> None:
    """Give client frames to a connection of the reference server."""
    connection = Connection("c", ping_ms=9, pong_ms=9, now_s=0.0)
    for number in range(rng.randrange(1, 12)):
        value: Any = _CLIENT_FRAMES[0] if number == 0 else rng.choice(_CLIENT_FRAMES)
        data = written(rng, changed(rng, value) if rng.random() < 0.4 else value)
        if rng.random() < 0.2:
            data = damaged(rng, data)
        try:
            frame = connection.receive(_as_websocket(data), number / 10)
        except wire.WireError:
            continue
        if wire.decode_client(wire.encode(frame)) != frame:
            raise Wrong(f"{frame!r} is another frame after a round trip")


def _as_websocket(data: bytes) -> bytes | str:
    """Return a text, as the library passes it on, or bytes that are no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _try_batch(rng: Random) -> None:
    """Give a bus message to an edge."""
    entry = wire.Entry("d.ann.bob", 1, "msg", 5, "m", "c", "ann", "hello")
    data = damaged(rng, wire.encode_batch([entry] * rng.randrange(1, 4)))
    try:
        entries = wire.decode_batch(data)
    except wire.WireError:
        return
    for each in entries:
        wire.encode_push(each)
        wire.history_view(each)


def _try_event_stream(rng: Random) -> None:
    """Cut a stream of server-sent events at any places: the events must be the same."""
    data = b"".join(
        rng.choice(
            (
                b"data: a\n",
                b"data:b\r\n",
                b"\n",
                b"\r",
                b"\r\n",
                b"event: x\n",
                b"id: 7\r",
                b": c\n",
            )
        )
        for _ in range(rng.randrange(30))
    )
    if rng.random() < 0.5:
        data = damaged(rng, data)[:5000]
    whole, parser, parts, at = EventParser().feed(data), EventParser(), [], 0
    while at < len(data):
        end = at + rng.randrange(1, 8)
        parts += parser.feed(data[at:end])
        at = end
    if [_shown(each) for each in whole] != [_shown(each) for each in parts]:
        raise Wrong(f"the events of {data[:60]!r} depend on how its bytes arrive")


def _shown(event: ServerSentEvent) -> tuple[bytes, str, str]:
    return bytes(event), event.event, event.id
