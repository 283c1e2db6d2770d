"""The answers of the echo server to Socket.IO clients."""

import json

import pytest
import socketio

from benchmarks import socketio_answers
from benchmarks.load import peer_process
from benchmarks.load.echo_server import run_echo_server


def test_an_event_is_acknowledged_with_its_arguments():
    assert socketio_answers.answer(b'4217["echo","x, [y]"]') == b'4317["x, [y]"]'
    assert socketio_answers.answer(b'420["echo",1,{"a":2}]') == b'430[1,{"a":2}]'
    assert socketio_answers.answer(b'425["echo"]') == b"435[]"


@pytest.mark.parametrize("packet", [b'42["echo","x"]', b"41", b"1", b"3"])
def test_packets_that_need_no_answer_get_none(packet):
    assert socketio_answers.answer(packet) is None


def test_a_connect_packet_is_answered_with_a_session():
    for packet, prefix in ((socketio_answers.OPEN, b"0"), (socketio_answers.answer(b"40"), b"40")):
        assert json.loads(packet.removeprefix(prefix))["sid"]


def test_only_events_count_as_messages():
    """Counting connects would make the messages of a peer look cheap."""
    assert socketio_answers.is_event(b'421["echo"]')
    assert not any(socketio_answers.is_event(packet) for packet in (b"40", b"41", b"3"))


@pytest.mark.integration
def test_a_real_client_receives_its_acknowledgements():
    with run_echo_server() as echo:
        client = socketio.Client()
        client.connect(echo.url, transports=["websocket"])
        assert [client.call("echo", text) for text in ("ä", '"x"')] == ["ä", '"x"']
        assert (echo.count().messages, echo.count().open) == (2, 1)
        client.disconnect()
        peer_process._wait_until_idle(echo)
