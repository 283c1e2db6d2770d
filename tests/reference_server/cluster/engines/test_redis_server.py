"""Which redis-server is used, and how it is started."""

import shutil
import sys

import pytest

from gauntlet.reference_server.cluster.engines import redis_server
from gauntlet.reference_server.cluster.supervision.launch_spec import MissingBinaryError
from gauntlet.reference_server.cluster.topology import plan


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """`fake("6.2.1")`: a program that says it is that Redis; nothing else is to be found."""
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


def test_the_variable_comes_first(fake, monkeypatch):
    """Even before what is on PATH."""
    fake("7.0.15")
    wanted = fake("6.2.0", "mine/redis")
    monkeypatch.setenv(redis_server.VARIABLE, wanted)
    assert redis_server.find() == redis_server.Binary(wanted, "6.2.0")


def test_a_wrong_variable_is_not_worked_around(fake, monkeypatch):
    """Who names a program wants that one."""
    fake("7.0.15")
    monkeypatch.setenv(redis_server.VARIABLE, "/no/such/redis")
    with pytest.raises(MissingBinaryError, match=redis_server.VARIABLE):
        redis_server.find()


def test_an_old_one_is_passed_over_for_valkey(fake):
    """6.0 lacks what the registry uses; 10 is newer than 6."""
    fake("6.0.16")
    valkey = fake("10.1.0", "bin/valkey-server")
    assert redis_server.find().path == valkey


def test_the_one_beside_our_python_comes_last(fake):
    """The wheel's binary serves where the machine has none of its own."""
    beside = fake("6.2.14", "venv/redis-server")
    assert redis_server.find().path == beside
    on_path = fake("7.0.15")
    assert redis_server.find().path == on_path


def test_none_at_all_says_how_to_get_one(fake):
    """One line."""
    with pytest.raises(MissingBinaryError, match="apt-get install redis-server") as caught:
        redis_server.find()
    assert "\n" not in str(caught.value)


def test_it_keeps_nothing_and_its_memory_is_bounded(tmp_path, require_service):
    """A registry that came back with old leases would lie."""
    require_service("redis")
    component = plan.PlannedComponent("registry", "registry", plan.REDIS, [12345])
    argv = redis_server.launch_spec(component, tmp_path, tmp_path / "log").argv
    options = dict(zip(argv[1::2], argv[2::2], strict=True))
    assert (options["--save"], options["--appendonly"]) == ("", "no")
    assert (options["--bind"], options["--port"]) == ("127.0.0.1", "12345")
    assert options["--maxmemory"] == "256mb"
    assert shutil.which(argv[0])
