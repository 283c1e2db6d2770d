"""Frames, entries and bus batches against the golden frames and the protocol page."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import ClientFrame, Entry, ServerFrame, WireError

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "frames"
DECODERS = {"client": wire.decode_client, "server": wire.decode_server}
FILES = sorted(GOLDEN.rglob("*.json"))

MESSAGE = Entry("d.ann.bob", 10, "msg", 1795462265123, "m-10", "c-1", "ann", 'héllo "b"')
STICKER = Entry("d.ann.bob", 12, "sticker", 1795462265125, "m-12", "c-3", "bob", "cats/cat-hello")
ADDED = Entry("r.lobby", 3, "room", 1795462265125, event="added", user="bob")


def golden(name: str) -> bytes:
    """The bytes of one golden frame."""
    return (GOLDEN / f"{name}.json").read_bytes().strip()


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_golden_frame_survives_decoding_and_encoding(file):
    """Both directions agree with the golden bytes, to the byte."""
    data = file.read_bytes().strip()
    assert wire.encode(DECODERS[file.parent.name](data)) == data


@pytest.mark.parametrize(("side", "frame"), [("client", ClientFrame), ("server", ServerFrame)])
def test_every_frame_is_golden_and_documented(side, frame):
    """No frame can be added without a golden example and a row of the protocol page."""
    page = (ROOT / "docs" / "reference" / "protocol.md").read_text()
    for name in frame.__struct_fields__:
        assert (GOLDEN / side / f"{name}.json").exists(), name
        assert f'{{"{name}":' in page, name


@pytest.mark.parametrize(
    ("entry", "name"),
    [(MESSAGE, "server/msg"), (STICKER, "server/msg_sticker"), (ADDED, "server/room")],
    ids=["msg", "sticker", "room"],
)
def test_an_entry_is_pushed_as_its_golden_frame(entry, name):
    """A push holds every field of the entry."""
    assert wire.encode_push(entry) == golden(name)


def test_an_empty_body_is_pushed_and_stored_as_one():
    """No field of a message may vanish for being empty."""
    entry = Entry("d.ann.bob", 11, "msg", 1795462265124, "m-11", "c-2", "bob", "")
    assert wire.encode_push(entry) == golden("server/msg_empty_body")
    assert msgspec.to_builtins(wire.history_view(entry))["body"] == ""


def test_a_sticker_is_a_message_whose_body_is_empty():
    """Who knows no stickers sees an empty message; the rest see which one it is."""
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
def test_history_shows_exactly_the_documented_fields(entry, fields):
    """The public view of an entry is the protocol page's."""
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
def test_what_is_no_frame_is_a_typed_error(data):
    """Garbage closes the connection as a bad frame; it never raises anything else."""
    with pytest.raises(WireError) as caught:
        wire.decode_client(data)
    assert caught.value.code == wire.Close.BAD_FRAME


def test_a_bus_batch_keeps_entries_and_their_order():
    """What is published is what edges hear."""
    assert wire.decode_batch(wire.encode_batch([MESSAGE, STICKER, ADDED])) == [
        MESSAGE,
        STICKER,
        ADDED,
    ]
    with pytest.raises(WireError):
        wire.decode_batch(b"\x93")


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
def test_a_direct_conversation_names_its_members(conv, members):
    """Only a canonical id is a direct conversation: two spellings would be two conversations."""
    assert wire.direct_members(conv) == members


@pytest.mark.parametrize(("conv", "expected"), [("r.lobby", True), ("r.", False), ("r.a.b", False)])
def test_a_room_is_known_by_its_id(conv, expected):
    """Rooms and direct conversations cannot be confused."""
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
def damaged(draw):
    """A golden frame of a client, with a piece of it replaced by anything."""
    frame = draw(st.sampled_from(CLIENT_FRAMES))
    start = draw(st.integers(0, len(frame)))
    end = draw(st.integers(start, len(frame)))
    return frame[:start] + draw(st.binary(max_size=20)) + frame[end:]


@st.composite
def misfilled(draw):
    """A known name with any JSON for its content."""
    name = draw(st.sampled_from(ClientFrame.__struct_fields__))
    field = draw(st.sampled_from(["token", "device", "cursors", "conv", "seq"]) | ANY_TEXT)
    content = draw(ANY_JSON | st.dictionaries(st.just(field), ANY_JSON))
    return json.dumps({name: content})


@settings(max_examples=500)
@given(data=st.binary() | ANY_TEXT | damaged() | misfilled() | ANY_JSON.map(json.dumps))
@example(b'{"connect":{"token":"t","device":"d","x":' + b"[" * 100_000)
@example(b'{"ack":{"conv":"d.a.b","seq":' + b"9" * 5_000 + b"}}")
@example('{"enter":{"conv":"\ud800"}}')
@example('{"enter":{"conv":"r.x\\n"}}')
@example('{"ack":{"conv":"d.a.b","seq":-1}}')
@example("")
def test_anything_is_a_frame_or_a_wire_error(data):
    """A client can say what it likes: it is understood, or refused in words that can be sent."""
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
