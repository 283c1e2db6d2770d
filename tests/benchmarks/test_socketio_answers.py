"""What the echo says to clients of Socket.IO."""

import json

import pytest
import socketio

from benchmarks import socketio_answers
from benchmarks.load import rivals
from benchmarks.load.target import echo


def test_an_event_is_acknowledged_with_its_arguments():
    """By its number, so that the call that waits for it has its text back."""
    assert socketio_answers.answer(b'4217["echo","x, [y]"]') == b'4317["x, [y]"]'
    assert socketio_answers.answer(b'420["echo",1,{"a":2}]') == b'430[1,{"a":2}]'
    assert socketio_answers.answer(b'425["echo"]') == b"435[]"


@pytest.mark.parametrize("packet", [b'42["echo","x"]', b"41", b"1", b"3"])
def test_nothing_else_is_answered(packet):
    """An event without a number wants no acknowledgement; nor does a farewell, nor a pong."""
    assert socketio_answers.answer(packet) is None


def test_a_connection_is_welcomed():
    """The namespace has a session of its own, in JSON as the opening is."""
    for said, prefix in ((socketio_answers.OPEN, b"0"), (socketio_answers.answer(b"40"), b"40")):
        assert json.loads(said.removeprefix(prefix))["sid"]


def test_only_events_are_messages():
    """Else the connects of a peer would make its messages look cheap."""
    assert socketio_answers.is_event(b'421["echo"]')
    assert not any(socketio_answers.is_event(packet) for packet in (b"40", b"41", b"3"))


@pytest.mark.integration
def test_a_real_client_has_its_calls_answered():
    """Beside it the echo stays what it is; a call is one message, and goodbye is understood."""
    with echo() as target:
        client = socketio.Client()
        client.connect(target.url, transports=["websocket"])
        assert [client.call("echo", text) for text in ("ä", '"x"')] == ["ä", '"x"']
        assert (target.count().messages, target.count().open) == (2, 1)
        client.disconnect()
        rivals._wait_gone(target)
