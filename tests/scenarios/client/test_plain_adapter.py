"""A session with an adapter as its author wrote it: other sequences and numbers than our own.

The tests run on the compiled engine too, which checks the types of what it reads.
"""

from random import Random

import pytest

from gauntlet.core.history import Kind
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.workloads.entities import Op

from ..world import ANN, TALK, World


class Marked(base.Entry, frozen=True):
    """An event of a class that only this adapter knows."""

    mark: str = ""


class Plain(base.Adapter):
    """A line protocol over the connection; what it returns is as loose as its types allow."""

    capabilities = frozenset({base.SERVER_SEQ, base.SELF_ECHO})

    def codec(self, account, device):
        return PlainCodec()


class PlainCodec(base.Codec):
    """Lists in place of tuples, and numbers of the other type."""

    sent = ()

    def open(self, cursors):
        return bytes(base.Binary(b"hello"))

    def login_lasts_s(self):
        return 3

    def send(self, conv, client_msg_id, body):
        self.sent = (conv, client_msg_id, body)
        return base.OverSocket(ticket=client_msg_id, frames=[b"send", body.encode()])

    def read(self, frame):
        if frame == b"hello":
            return base.Connected(ping_ms=1000.0, pong_ms=500.5)
        if frame == b"busy":
            _, ticket, _ = self.sent
            return base.Answer(ticket, base.Sent("no", retry_after_s=1))
        if frame == b"move":
            return base.ReconnectRequest("ws://127.0.0.1:9", delay_ms=2.5)
        if frame == b"wrong":
            return base.Answer(self.sent[1], base.Sent("no", temporary=None))
        conv, ticket, body = self.sent
        kind = Marked if frame == b"marked" else base.Entry
        entry = kind(conv, 1, ANN.name, body)
        return base.EventBatch([base.Answer(ticket, base.Sent("yes", 1)), entry])


class BytesWorld(World):
    """A world that keeps frames as bytes."""

    def send(self, connection, frame):
        self.frames.append((connection, frame))


@pytest.fixture
def world():
    return BytesWorld(Plain({}))


@pytest.fixture
def receive(world):
    """Passes frames to Ann's session, which is connected and has sent a message."""
    session = Session(world.context, ANN, Random(1))
    session.start()
    session.on_open(world.dialled[-1], base.Response(101, b""))

    def receive(*frames):
        for frame in frames:
            session.on_frame(world.dialled[-1], frame)

    receive(b"hello")
    session.submit(Op(0, TALK, ANN.number, 1), world.time_ns)
    return receive


def test_its_message_is_acknowledged_and_delivered(world, receive):
    receive(b"echo")
    assert [frame for _, frame in world.frames][:2] == [b"hello", b"send"]
    assert len(world.kinds(Kind.ACK)) == len(world.kinds(Kind.DELIVER)) == 1
    assert not world.errors.counts()


def test_its_events_may_be_of_a_subclass(world, receive):
    receive(b"marked")
    assert len(world.kinds(Kind.ACK)) == len(world.kinds(Kind.DELIVER)) == 1


def test_its_numbers_may_be_of_either_type(world, receive):
    receive(b"busy", b"move")
    world.pass_ms(1_400)
    assert len(world.kinds(Kind.ATTEMPT)) == 2
    assert len(world.dialled) == 2


def test_a_value_of_a_wrong_type_is_no_answer_and_is_counted(world, receive):
    receive(b"wrong")
    (error,) = world.errors.counts()
    assert "`temporary` of an acknowledgement is None" in error.text
    assert not world.kinds(Kind.ACK)
