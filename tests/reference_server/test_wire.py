"""Frames, entries and bus batches against the golden frames and the protocol page."""

from pathlib import Path

import msgspec
import pytest

from reference_server import wire
from reference_server.wire import ClientFrame, Entry, ServerFrame, WireError

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "frames"
DECODERS = {"client": wire.decode_client, "server": wire.decode_server}
FILES = sorted(GOLDEN.rglob("*.json"))

MESSAGE = Entry("d.ann.bob", 10, "msg", 1795462265123, "m-10", "c-1", "ann", 'héllo "b"')
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
    ("entry", "name"), [(MESSAGE, "server/msg"), (ADDED, "server/room")], ids=["msg", "room"]
)
def test_an_entry_is_pushed_as_its_golden_frame(entry, name):
    """A push holds every field of the entry."""
    assert wire.encode_push(entry) == golden(name)


def test_an_empty_body_is_pushed_and_stored_as_one():
    """No field of a message may vanish for being empty."""
    entry = Entry("d.ann.bob", 11, "msg", 1795462265124, "m-11", "c-2", "bob", "")
    assert wire.encode_push(entry) == golden("server/msg_empty_body")
    assert msgspec.to_builtins(wire.history_view(entry))["body"] == ""


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
    assert wire.decode_batch(wire.encode_batch([MESSAGE, ADDED])) == [MESSAGE, ADDED]
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
