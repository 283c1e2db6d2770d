"""retry_mints_new_id: a repeated send becomes a second message."""

import pytest

pytestmark = pytest.mark.integration


def test_a_repeat_is_stored_again_under_new_ids(serve):
    """One body at two positions, with two msg_ids and two client_msg_ids."""
    server = serve("retry_mints_new_id")
    first, second = server.send("m0"), server.send("m0")
    assert first["msg_id"] != second["msg_id"]
    assert "dup" not in second
    stored = server.history()
    assert [(seq, body) for seq, _, body in stored] == [(1, "hello"), (2, "hello")]
    assert len({client_msg_id for _, client_msg_id, _ in stored}) == 2


def test_a_retry_through_a_restarted_process_is_stored_again(serve):
    """The database decides what is a repeat, so the process need not have seen the first send."""
    server = serve("retry_mints_new_id")
    server.send("m0")
    server.kill()
    server.start()
    server.send("m0")
    assert len(server.history()) == 2


def test_a_third_send_makes_a_third_message(serve):
    """A message that was repeated before can be repeated again."""
    server = serve("retry_mints_new_id")
    for _ in range(3):
        server.send("m0")
    assert len(server.history()) == 3


def test_without_the_bug_a_repeat_is_the_same_message(serve):
    """The unchanged server answers `dup` with the first position."""
    server = serve()
    first, second = server.send("m0"), server.send("m0")
    assert second == {**first, "dup": True}
    assert len(server.history()) == 1
