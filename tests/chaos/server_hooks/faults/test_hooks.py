"""Which sabotage a scenario's faults need, and that there is no other."""

import importlib
from pathlib import Path

import pytest

from gauntlet.chaos.server_hooks import faults
from gauntlet.chaos.server_hooks.faults import SERVER_FAULTS, hooks_for
from gauntlet.core.scenario import catalog


def test_every_file_is_registered_under_its_name():
    """A sabotage's name is its file's."""
    files = {file.stem for file in Path(faults.__file__).parent.glob("*.py")}
    assert set(SERVER_FAULTS) == files - {"__init__"}
    assert {name: it.module for name, it in SERVER_FAULTS.items()} == {
        name: f"gauntlet.chaos.server_hooks.faults.{name}" for name in SERVER_FAULTS
    }


@pytest.mark.parametrize("name", SERVER_FAULTS)
def test_every_sabotage_can_be_installed(name):
    """A sabotage has an `install`."""
    assert callable(importlib.import_module(SERVER_FAULTS[name].module).install)


def test_every_sabotage_is_needed_by_some_fault():
    """What no fault asks for is in nobody's server."""
    kinds = catalog.FAULTS.values()
    flags = {param.hook for kind in kinds for param in kind.params.values()}
    assert {kind.hook for kind in kinds} | flags == {*SERVER_FAULTS, ""}


def test_faults_bring_the_hooks_that_they_need(spec):
    """A kind's own, and those of flags that are set; each once, by service."""
    faults = [
        spec("kill", "edge"),
        spec("crash-after-commit", "message", id="a"),
        spec("crash-after-commit", "message", id="b"),
        spec("surge", "gateway", known_capacity=True),
        spec("cutover", "edge", broken=True),
    ]
    assert hooks_for(faults) == {
        "message": [
            "gauntlet.chaos.server_hooks.faults.crash_after_commit",
            "gauntlet.chaos.server_hooks.faults.slow_commits",
        ],
        "edge@green": ["gauntlet.chaos.server_hooks.faults.mute_edge"],
    }


def test_a_flag_that_is_not_set_brings_nothing(spec):
    """The server of an ordinary cutover is untouched."""
    assert hooks_for([spec("cutover", "edge", broken=False), spec("surge", "gateway")]) == {}
