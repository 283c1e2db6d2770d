"""Which redis-server is used, and how it is started."""

import shutil
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from gauntlet.reference_server.cluster.engines import redis_server
from gauntlet.reference_server.cluster.engines.pair import Pair
from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.supervision.launch_spec import MissingBinaryError
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError
from gauntlet.reference_server.cluster.topology.ports import PortAllocator


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """`fake("6.2.1")`: a program that reports this version; no other Redis is on the machine."""
    monkeypatch.delenv(redis_server.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/python"))

    def make(version, path="bin/redis-server"):
        program = tmp_path / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0:0 bits=64'\n")
        program.chmod(0o755)
        return str(program)

    return make


def test_the_environment_variable_takes_precedence_over_path(fake, monkeypatch):
    fake("7.0.15")
    chosen = fake("6.2.0", "mine/redis")
    monkeypatch.setenv(redis_server.VARIABLE, chosen)
    assert redis_server.find() == redis_server.Binary(chosen, "6.2.0")


def test_a_wrong_environment_variable_is_an_error(fake, monkeypatch):
    """No other program is used instead."""
    fake("7.0.15")
    monkeypatch.setenv(redis_server.VARIABLE, "/no/such/redis")
    with pytest.raises(MissingBinaryError, match=redis_server.VARIABLE):
        redis_server.find()


def test_a_redis_that_is_too_old_is_skipped_for_valkey(fake):
    """6.0 lacks commands that the registry uses; 10 is newer than 6."""
    fake("6.0.16")
    valkey = fake("10.1.0", "bin/valkey-server")
    assert redis_server.find().path == valkey


def test_a_redis_next_to_the_python_interpreter_comes_last(fake):
    """The wheel's binary is used if the machine has none of its own."""
    next_to_python = fake("6.2.14", "venv/redis-server")
    assert redis_server.find().path == next_to_python
    on_path = fake("7.0.15")
    assert redis_server.find().path == on_path


def test_a_missing_redis_is_reported_in_one_line_with_how_to_install_it(fake):
    with pytest.raises(MissingBinaryError, match="apt-get install redis-server") as caught:
        redis_server.find()
    assert "\n" not in str(caught.value)


def test_redis_persists_nothing_and_its_memory_is_limited(tmp_path, require_service):
    """A registry that returned with old leases would be wrong."""
    require_service("redis")
    component = plan.PlannedComponent("registry", "registry", plan.REDIS, [12345])
    argv = redis_server.launch_spec(component, tmp_path, tmp_path / "log", "for-tests").argv
    options = dict(line.split(" ", 1) for line in Path(argv[1]).read_text().splitlines())
    assert (options["save"], options["appendonly"]) == ('""', '"no"')
    assert (options["bind"], options["port"]) == ('"127.0.0.1"', '"12345"')
    assert options["maxmemory"] == '"256mb"'
    assert shutil.which(argv[0])


async def test_nobody_without_the_password_can_make_redis_write_files(tmp_path, require_service):
    """`CONFIG SET dir` would let every user of the machine write files as the one who runs it.

    The name of the folder has what a configuration file must quote.
    """
    require_service("redis")
    folder = tmp_path / 'a "quoted" folder'
    planned = plan.PlannedComponent("registry", "registry", plan.REDIS, [PortAllocator()()])
    launch = redis_server.launch_spec(planned, folder, tmp_path / "log", "for-tests")
    assert "for-tests" not in " ".join(launch.argv)
    assert Path(launch.argv[1]).stat().st_mode & 0o077 == 0
    server = Component(planned, launch, lambda *_: None)
    await server.start()
    try:
        stranger = Redis.from_url(f"redis://{planned.address}")
        with pytest.raises(AuthenticationError):
            await stranger.config_set("dir", str(tmp_path))
        await stranger.aclose()
        async with Redis.from_url(f"redis://:for-tests@{planned.address}") as owner:
            assert await owner.config_get("dir") == {"dir": str(folder / "registry")}
    finally:
        await server.stop()


async def test_after_a_promotion_that_is_not_answered_the_old_primary_is_a_replica(fake, tmp_path):
    """The call may have acted, so that there would be two primaries."""
    fake("7.0.15")
    planned = plan.PlannedComponent("b", "b", plan.REDIS, [PortAllocator()()])
    pair = Pair("a", {"a": planned.address, "b": "127.0.0.1:1"})
    launch = redis_server.launch_spec(planned, tmp_path, tmp_path / "log", "for-tests", pair)
    assert launch.promote is not None
    with pytest.raises(StartError, match="cannot be promoted"):
        await launch.promote()
    assert not pair.is_primary("a")
    assert pair.is_primary("b")
