"""A standby of PostgreSQL, without a server."""

import asyncio

import pytest

from gauntlet.reference_server.cluster.engines.pair import Pair
from gauntlet.reference_server.cluster.engines.postgres_standby import Node
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.topology.errors import StartError

from ....dead_postgres import dead_postgres


def test_after_a_promotion_that_took_too_long_the_old_primary_is_a_standby(tmp_path):
    """The promotion goes on when pg_ctl has given up, so that there would be two primaries."""
    program = tmp_path / "pg_ctl"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    pair = Pair("db", {"db": "127.0.0.1:2", "db-standby": "127.0.0.1:1"})
    server = LaunchSpec(argv=("postgres",), log=tmp_path / "log")
    data = tmp_path / "data"
    launch = Node("db-standby", tmp_path, data, server, "im", "secret", pair).launch_spec()
    assert launch.promote is not None
    with pytest.raises(StartError, match="pg_ctl ended with exit code 1"):
        asyncio.run(launch.promote())
    assert not pair.is_primary("db")
    assert pair.is_primary("db-standby")


def test_a_copy_of_the_primary_leaves_no_shared_memory_of_the_killed_server(tmp_path, monkeypatch):
    """The copy is another folder, from which PostgreSQL does not recognise that memory."""
    program = tmp_path / "pg_basebackup"
    program.write_text('#!/bin/sh\nmkdir -p "$2"\n')
    program.chmod(0o755)
    pair = Pair("db", {"db": "127.0.0.1:2", "db-standby": "127.0.0.1:1"})
    server = LaunchSpec(argv=("postgres",), log=tmp_path / "log")
    data = tmp_path / "data"
    launch = Node("db-standby", tmp_path, data, server, "im", "secret", pair).launch_spec()
    with dead_postgres(monkeypatch, tmp_path / "files") as left:
        left.note(data)
        asyncio.run(launch.prepare())
        assert not left.exists
    assert (data / "standby.signal").exists()
