"""The environment of a scenario's commands."""

from pathlib import Path

from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.external.environment import command_environment, secret_variables

SCENARIO = from_builtins({"version": 1, "name": "x", "about": "x"})


def test_commands_do_not_get_our_variables():
    given = {"PATH": "/bin", "KUBECONFIG": "/k", "GAUNTLET_LOAD": "x", "LOCUST_USERS": "1"}
    found = command_environment(SCENARIO, Path("/runs/r"), given)
    assert found == {"PATH": "/bin", "KUBECONFIG": "/k", "GAUNTLET_RUN": "/runs/r"}


def test_variables_with_secrets_are_found_at_any_place():
    plain = {"target": {"headers": {"A": {"env": "TOKEN"}}, "other": [{"env": "KEY"}]}, "env": "no"}
    assert set(secret_variables(plain)) == {"TOKEN", "KEY"}
