"""Resolving the secrets of a scenario, and handing them over."""

import os
import sys

import msgspec
import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.private import Private
from gauntlet.runner import private_values

PRINT = [sys.executable, "-c", "print('from-command')"]
FAIL = [sys.executable, "-c", "print('leak'); raise SystemExit(3)"]


def scenario(command):
    server = {"password": {"command": command}, "token": "literal"}
    return from_builtins({"version": 1, "name": "x", "about": "y", "target": {"server": server}})


def test_a_command_prints_the_value_of_a_reference():
    resolved = private_values.resolve(scenario(PRINT), allow_exec=True)
    assert resolved.filled.target.server == {"password": "from-command", "token": "literal"}
    assert resolved.values == {
        "target.server.password": "from-command",
        "target.server.token": "literal",
    }


def test_a_command_runs_only_if_that_is_allowed():
    with pytest.raises(ConfigError, match="--allow-exec"):
        private_values.resolve(scenario(PRINT), allow_exec=False)


@pytest.mark.parametrize(
    ("command", "message"),
    [(FAIL, "must end with exit code 0; got 3"), (["/nonexistent/program"], "No such file")],
)
def test_a_failing_command_is_an_error_without_its_output(command, message):
    with pytest.raises(ConfigError, match=message) as caught:
        private_values.resolve(scenario(command), allow_exec=True)
    assert "leak" not in str(caught.value)


def test_a_pipe_carries_more_than_its_buffer():
    private = Private({"target.server.password": "x" * 1_000_000}, ["ws://a:b@127.0.0.1"])
    with os.fdopen(private_values.open_pipe(private), "rb") as stream:
        assert msgspec.json.decode(stream.read(), type=Private) == private
