"""Frames, entries and bus batches, compared with the golden frames and the protocol page."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gauntlet.reference_server.core import tokens, wire
from gauntlet.reference_server.core.wire import ClientFrame, Entry, ServerFrame, WireError
from gauntlet.reference_server.edge.connection import FRAMES_BURST
from gauntlet.reference_server.store.append_plan import ROOMS_MAX

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "frames"
DECODERS = {"client": wire.decode_client, "server": wire.decode_server}
FILES = sorted(GOLDEN.rglob("*.json"))

MESSAGE = Entry("d.ann.bob", 10, "msg", 1795462265123, "m-10", "c-1", "ann", 'héllo "b"')
STICKER = Entry("d.ann.bob", 12, "sticker", 1795462265125, "m-12", "c-3", "bob", "cats/cat-hello")
ADDED = Entry("r.lobby", 3, "room", 1795462265125, event="added", user="bob")


def golden(name: str) -> bytes:
    """Return the bytes of one golden frame."""
    return (GOLDEN / f"{name}.json").read_bytes().strip()


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_decoding_and_encoding_a_golden_frame_returns_the_same_bytes(file):
    data = file.read_bytes().strip()
    assert wire.encode(DECODERS[file.parent.name](data)) == data


@pytest.mark.parametrize(("side", "frame"), [("client", ClientFrame), ("server", ServerFrame)])
def test_every_frame_has_a_golden_example_and_is_documented(side, frame):
    page = (ROOT / "docs" / "reference" / "protocol.md").read_text()
    for name in frame.__struct_fields__:
        assert (GOLDEN / side / f"{name}.json").exists(), name
        assert f'{{"{name}":' in page, name


@pytest.mark.parametrize(
    ("entry", "name"),
    [(MESSAGE, "server/msg"), (STICKER, "server/msg_sticker"), (ADDED, "server/room")],
    ids=["msg", "sticker", "room"],
)
def test_an_entry_is_pushed_as_the_golden_frame(entry, name):
    assert wire.encode_push(entry) == golden(name)


def test_an_empty_body_is_pushed_and_shown_in_history():
    entry = Entry("d.ann.bob", 11, "msg", 1795462265124, "m-11", "c-2", "bob", "")
    assert wire.encode_push(entry) == golden("server/msg_empty_body")
    assert msgspec.to_builtins(wire.history_view(entry))["body"] == ""


def test_history_shows_a_sticker_as_a_message_with_an_empty_body():
    """Clients that do not know stickers see an empty message."""
    shown = msgspec.to_builtins(wire.history_view(STICKER))
    assert (shown["type"], shown["body"], shown["sticker"]) == ("msg", "", "cats/cat-hello")


@pytest.mark.parametrize(
    ("entry", "fields"),
    [
        (MESSAGE, {"type", "seq", "msg_id", "client_msg_id", "sender", "body", "ts"}),
        (ADDED, {"type", "seq", "event", "user", "ts"}),
    ],
    ids=["msg", "room"],
)
def test_history_has_exactly_the_documented_fields(entry, fields):
    shown = msgspec.to_builtins(wire.history_view(entry))
    assert set(shown) == fields
    assert shown["type"] == entry.type


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'"ping"',
        b"\xff\xfe",
        b'{"ping":null}',
        b'{"ping":{},"pong":{}}',
        b'{"unknown":{}}',
        b'{"connect":{"device":"d"}}',
        b'{"ack":{"conv":"d.a.b","seq":"1"}}',
        b'{"connect":{"token":"t","device":"d","cursors":{"d.a.b":null}}}',
    ],
)
def test_an_invalid_frame_raises_wire_error_with_the_bad_frame_code(data):
    with pytest.raises(WireError) as caught:
        wire.decode_client(data)
    assert caught.value.code == wire.Close.BAD_FRAME


def test_a_bus_batch_keeps_its_entries_in_order():
    assert wire.decode_batch(wire.encode_batch([MESSAGE, STICKER, ADDED])) == [
        MESSAGE,
        STICKER,
        ADDED,
    ]
    valid = wire.encode_batch([MESSAGE])
    for invalid in (b"\x93", valid.replace(b"msg", b"m\xffg"), b"\x91" * 5000):
        with pytest.raises(WireError):
            wire.decode_batch(invalid)


@pytest.mark.parametrize(
    ("conv", "members"),
    [
        ("d.ann.bob", ("ann", "bob")),
        ("d.bob.ann", None),
        ("d.ann.ann", None),
        ("d.ann", None),
        ("d.a.b.c", None),
        ("r.lobby", None),
        ("d.ann.b\n", None),
    ],
)
def test_only_a_canonical_direct_id_has_members(conv, members):
    """With two spellings of an id, one pair of users would have two conversations."""
    assert wire.direct_members(conv) == members


@pytest.mark.parametrize(("conv", "expected"), [("r.lobby", True), ("r.", False), ("r.a.b", False)])
def test_is_room_accepts_room_ids_only(conv, expected):
    assert wire.is_room(conv) is expected


CLIENT_FRAMES = [file.read_bytes().strip() for file in FILES if file.parent.name == "client"]
# Surrogates stand in for what a decoder may let through and an encoder refuse.
ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=20,
)


@st.composite
def damaged_frames(draw):
    """Client frames in which a piece is replaced by random bytes."""
    frame = draw(st.sampled_from(CLIENT_FRAMES))
    start = draw(st.integers(0, len(frame)))
    end = draw(st.integers(start, len(frame)))
    return frame[:start] + draw(st.binary(max_size=20)) + frame[end:]


@st.composite
def frames_with_wrong_content(draw):
    """Known frame names with any JSON as content."""
    name = draw(st.sampled_from(ClientFrame.__struct_fields__))
    field = draw(st.sampled_from(["token", "device", "cursors", "conv", "seq"]) | ANY_TEXT)
    content = draw(ANY_JSON | st.dictionaries(st.just(field), ANY_JSON))
    return json.dumps({name: content})


@settings(max_examples=5 * settings.default.max_examples)
@given(
    data=st.binary()
    | ANY_TEXT
    | damaged_frames()
    | frames_with_wrong_content()
    | ANY_JSON.map(json.dumps)
)
@example(b'{"connect":{"token":"t","device":"d","x":' + b"[" * 100_000)
@example(b'{"ack":{"conv":"d.a.b","seq":' + b"9" * 5_000 + b"}}")
@example('{"enter":{"conv":"\ud800"}}')
@example('{"enter":{"conv":"r.x\\n"}}')
@example('{"ack":{"conv":"d.a.b","seq":-1}}')
@example("")
def test_any_input_decodes_to_a_frame_or_raises_wire_error(data):
    """The error text must also fit into an error frame."""
    frame, refusal = None, ""
    try:
        frame = wire.decode_client(data)
    except WireError as error:
        refusal = str(error)
    assert len(refusal) <= 200
    assert wire.encode(ServerFrame(error=wire.Failure("bad_request", refusal)))
    if frame is not None:
        assert wire.decode_client(wire.encode(frame)) == frame
        assert frame.ack is None or frame.ack.seq >= 0
        assert frame.enter is None or wire.is_room(frame.enter.conv)


def test_a_user_who_is_in_as_many_rooms_as_others_can_add_them_to_can_connect():
    """Their `connect` has a cursor for each; a lower limit would lock them out for good."""
    longest = {f"r.{'x' * 59}{number:05}": 2**53 for number in range(ROOMS_MAX)}
    claims = tokens.Claims("u" * 64, "d" * 64, 2**40)
    connect = {"token": tokens.sign(claims, "s" * 64), "device": "d" * 64, "cursors": longest}
    frame = msgspec.json.encode({"connect": connect})
    assert wire.decode_client(frame.decode()).connect.cursors == longest
    assert len(frame) < wire.FRAME_BYTES_MAX
    assert wire.FRAME_BYTES_MAX / 1024 < FRAMES_BURST  # each KiB counts as a frame
