"""Which hooks the faults of a scenario need, and that every hook is needed."""

import importlib
from pathlib import Path

import pytest

from gauntlet.chaos.server_hooks import faults
from gauntlet.chaos.server_hooks.faults import SERVER_FAULTS, hooks_for
from gauntlet.core.scenario import catalog


def test_every_file_is_registered_under_its_name():
    """The name of a server-side fault is the name of its file."""
    files = {file.stem for file in Path(faults.__file__).parent.glob("*.py")}
    assert set(SERVER_FAULTS) == files - {"__init__"}
    assert {name: fault.module for name, fault in SERVER_FAULTS.items()} == {
        name: f"gauntlet.chaos.server_hooks.faults.{name}" for name in SERVER_FAULTS
    }


@pytest.mark.parametrize("name", SERVER_FAULTS)
def test_every_server_fault_can_be_installed(name):
    assert callable(importlib.import_module(SERVER_FAULTS[name].module).install)


def test_every_server_fault_is_needed_by_some_fault():
    """A hook that no fault needs would never be loaded."""
    kinds = catalog.FAULTS.values()
    flags = {param.hook for kind in kinds for param in kind.params.values()}
    assert {kind.hook for kind in kinds} | flags == {*SERVER_FAULTS, ""}


def test_faults_load_the_hooks_that_they_need(spec):
    """The hook of the kind and the hooks of flags that are set; each once, by service."""
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


def test_a_flag_that_is_not_set_loads_no_hook(spec):
    """The server of an ordinary cutover runs without hooks."""
    assert hooks_for([spec("cutover", "edge", broken=False), spec("surge", "gateway")]) == {}
