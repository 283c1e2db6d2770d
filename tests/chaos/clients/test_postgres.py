"""The session on PostgreSQL, without a server."""

import socket

import pytest

from gauntlet.chaos.clients import postgres
from gauntlet.chaos.clients.postgres import DatabaseError, PostgresSession
from gauntlet.reference_server.cluster.engines import postgres as engine
from gauntlet.stacks.free_port import free_port

pytest.importorskip("asyncpg")


def test_user_and_database_are_those_of_the_stack():
    assert (postgres.USER, postgres.DATABASE) == (engine.USER, engine.DATABASE)


def test_a_server_that_is_not_there_is_a_database_error():
    port = free_port()
    with pytest.raises(DatabaseError, match="PostgreSQL") as failed:
        PostgresSession(f"127.0.0.1:{port}", "secret")
    assert failed.value.sqlstate == ""


def test_a_server_that_does_not_answer_is_a_database_error(monkeypatch):
    monkeypatch.setattr(postgres, "CALL_TIMEOUT_S", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(DatabaseError, match="TimeoutError"),
    ):
        PostgresSession(f"127.0.0.1:{silent.getsockname()[1]}", "secret")
