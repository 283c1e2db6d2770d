"""ack_before_commit: what was answered just before a kill is not there."""

import time

import pytest

pytestmark = pytest.mark.integration


def acked_then_killed(server):
    """Send three messages, kill the process at once; what a restarted one has stored."""
    for number in range(3):
        server.send(f"m{number}")
    server.kill()
    server.start()
    return [client_msg_id for _, client_msg_id, _ in server.history()]


def test_what_was_answered_is_lost_by_a_kill(serve):
    """Three answers, no row."""
    assert acked_then_killed(serve("ack_before_commit")) == []


def test_without_the_bug_it_is_kept(serve):
    """The same sends and the same kill lose nothing on the server as it is."""
    assert acked_then_killed(serve()) == ["m0", "m1", "m2"]


def test_without_a_kill_the_bug_hides(serve):
    """Half a second later all is stored once and in order, repeats included."""
    server = serve("ack_before_commit")
    answers = [server.send(name) for name in ("m0", "m1", "m0")]
    deadline = time.monotonic() + 5
    while len(stored := server.history()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [(seq, name) for seq, name, _ in stored] == [(1, "m0"), (2, "m1")]
    assert [answer["seq"] for answer in answers] == [0, 0, 0]
