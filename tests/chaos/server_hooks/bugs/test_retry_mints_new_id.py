"""retry_mints_new_id: a repeated send becomes another message."""

import pytest

pytestmark = pytest.mark.integration


def test_a_repeat_is_stored_again_under_new_ids(serve):
    """One body under two positions, two msg_ids and two client_msg_ids."""
    server = serve("retry_mints_new_id")
    first, second = server.send("m0"), server.send("m0")
    assert first["msg_id"] != second["msg_id"]
    assert "dup" not in second
    stored = server.history()
    assert [(seq, body) for seq, _, body in stored] == [(1, "hello"), (2, "hello")]
    assert len({client_msg_id for _, client_msg_id, _ in stored}) == 2


def test_the_database_decides_not_the_process(serve):
    """A retry that reaches a process which never saw the first try goes wrong as well."""
    server = serve("retry_mints_new_id")
    server.send("m0")
    server.kill()
    server.start()
    server.send("m0")
    assert len(server.history()) == 2


def test_a_third_time_makes_a_third_message(serve):
    """Every repeat counts, also that of a message which was repeated before."""
    server = serve("retry_mints_new_id")
    for _ in range(3):
        server.send("m0")
    assert len(server.history()) == 3


def test_without_the_bug_a_repeat_is_the_same_message(serve):
    """The server as it is answers `dup` with the first position."""
    server = serve()
    first, second = server.send("m0"), server.send("m0")
    assert second == {**first, "dup": True}
    assert len(server.history()) == 1
