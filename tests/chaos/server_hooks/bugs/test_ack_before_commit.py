"""ack_before_commit: messages that were acknowledged just before a kill are lost."""

import time

import pytest

pytestmark = pytest.mark.integration


def is_stored_after_a_kill(server, name):
    """Send a message, kill the process immediately; return whether a restarted one has it."""
    server.send(name)
    server.kill()
    server.start()
    return name in [client_msg_id for _, client_msg_id, _ in server.history()]


def test_a_kill_loses_messages_that_were_acknowledged(serve):
    """An acknowledgement, no row. On a busy machine a kill may come after the commit."""
    server = serve("ack_before_commit")
    assert not all(is_stored_after_a_kill(server, f"m{number}") for number in range(10))


def test_without_the_bug_a_kill_loses_no_acknowledged_message(serve):
    """The same send and the same kill lose nothing in the unchanged server."""
    server = serve()
    assert all(is_stored_after_a_kill(server, f"m{number}") for number in range(2))


def test_without_a_kill_every_message_is_stored_once_and_in_order(serve):
    """The bug has no effect on what is stored unless the process is killed, repeats included."""
    server = serve("ack_before_commit")
    answers = [server.send(name) for name in ("m0", "m1", "m0")]
    deadline = time.monotonic() + 60
    while len(stored := server.history()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [(seq, name) for seq, name, _ in stored] == [(1, "m0"), (2, "m1")]
    assert [answer["seq"] for answer in answers] == [0, 0, 0]
