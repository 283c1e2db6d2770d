"""The frames of AMQP 0-9-1, compared with what a general library writes (pamqp 4.0)."""

import pytest

from gauntlet.reference_server.bus import amqp_frames as frames
from gauntlet.reference_server.bus.amqp_frames import AmqpError

QUEUE = "edges.e1.1"
PUBLISHED = (
    "01000100000013003c00280000000a65646765732e65312e3101ce"  # basic.publish, mandatory
    "02000100000011003c000000000000000000041080010137ce"  # 4 bytes, transient, the id 7
    "03000100000004626f6479ce"
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (frames.tune_ok(131_072, 2), "0100000000000c000a001f0001000200000002ce"),
        (
            frames.method(0, frames.OPEN, frames.short("/") + b"\0\0"),
            "01000000000008000a0028012f0000ce",
        ),
        (
            frames.method(1, frames.CONFIRM_SELECT, b"\0"),
            "010001000000050055000a00ce",
        ),
        (
            frames.exchange_declare(1, "edges.all", "fanout"),
            "0100010000001c0028000a00000965646765732e616c6c0666616e6f75740000000000ce",
        ),
        (
            frames.queue_declare(1, QUEUE),
            "010001000000160032000a00000a65646765732e65312e310c00000000ce",
        ),
        (
            frames.queue_bind(1, QUEUE, "edges.all"),
            "010001000000210032001400000a65646765732e65312e310965646765732e616c6c000000000000ce",
        ),
        (
            frames.consume(1, QUEUE),
            "01000100000017003c001400000a65646765732e65312e31000200000000ce",
        ),
        (frames.close(), "0100000000000b000a003200c80000000000ce"),
        (frames.HEARTBEAT_FRAME, "08000000000000ce"),
        (frames.message(1, "", QUEUE, b"body", 7, 131_072, mandatory=True), PUBLISHED),
    ],
)
def test_a_frame_is_written_as_by_a_general_library(written, expected):
    assert written.hex() == expected


def test_the_login_names_what_is_understood():
    """A broker returns and cancels in another way to clients that do not say that they know it."""
    written = frames.start_ok("im", "pw")
    assert b"\0im\0pw" in written
    for name in (b"publisher_confirms", b"basic.nack", b"consumer_cancel_notify"):
        assert bytes((len(name),)) + name + b"t\x01" in written


@pytest.mark.parametrize("size", [0, 1, 92, 93, 1000])
def test_a_body_is_split_into_frames_of_the_allowed_size(size):
    body = bytes(range(256)) * 4
    written = frames.message(1, "", "q", body[:size], 1, 100, mandatory=False)
    parts, begin = [], 0
    while begin < len(written):
        end = begin + 7 + int.from_bytes(written[begin + 3 : begin + 7], "big")
        parts.append((written[begin], written[begin + 7 : end]))
        assert written[end] == frames.FRAME_END
        assert end + 1 - begin <= 100
        begin = end + 1
    assert [kind for kind, _ in parts[:2]] == [frames.METHOD, frames.HEADER]
    assert frames.body_size(parts[1][1]) == size
    assert b"".join(payload for _, payload in parts[2:]) == body[:size]


@pytest.mark.parametrize("number", [1, 7, 10**12])
def test_the_id_of_a_returned_message_is_read_from_its_header(number):
    written = frames.message(1, "", "q", b"", number, 131_072, mandatory=True)
    header = written[written.index(b"\xce") + 8 : -1]
    assert frames.number_of(header) == number


@pytest.mark.parametrize("header", [b"", b"\0" * 14, bytes.fromhex("003c0000") + b"\0" * 10])
def test_a_header_of_another_client_has_no_number(header):
    with pytest.raises(AmqpError):
        frames.number_of(header)


def test_a_name_that_is_too_long_is_refused():
    with pytest.raises(AmqpError, match="255 bytes"):
        frames.queue_declare(1, "x" * 256)


def test_what_a_broker_states_is_read():
    assert frames.read_tune(bytes.fromhex("07ff00020000003c")) == (131_072, 60)
    refused = bytes.fromhex("01930e4143434553535f5245465553454400000000")
    assert frames.read_close(refused) == "403 ACCESS_REFUSED"
