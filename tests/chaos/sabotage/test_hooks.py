"""Which sabotage a scenario's faults need, and that there is no other."""

import importlib
from pathlib import Path

import pytest

import chaos.sabotage
from chaos.sabotage import SABOTAGES, hooks_for
from gauntlet.kernel import vocabulary


def test_every_file_is_registered_under_its_name():
    """A sabotage's name is its file's."""
    files = {file.stem for file in Path(chaos.sabotage.__file__).parent.glob("*.py")}
    assert set(SABOTAGES) == files - {"__init__"}
    assert {name: it.module for name, it in SABOTAGES.items()} == {
        name: f"chaos.sabotage.{name}" for name in SABOTAGES
    }


@pytest.mark.parametrize("name", SABOTAGES)
def test_every_sabotage_can_be_installed(name):
    """A sabotage has an `install`."""
    assert callable(importlib.import_module(SABOTAGES[name].module).install)


def test_every_sabotage_is_needed_by_some_fault():
    """What no fault asks for is in nobody's server."""
    kinds = vocabulary.FAULTS.values()
    flags = {param.hook for kind in kinds for param in kind.params.values()}
    assert {kind.hook for kind in kinds} | flags == {*SABOTAGES, ""}


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
        "message": ["chaos.sabotage.crash_after_commit", "chaos.sabotage.slow_commits"],
        "edge@green": ["chaos.sabotage.deaf_edge"],
    }


def test_a_flag_that_is_not_set_brings_nothing(spec):
    """The server of an ordinary cutover is untouched."""
    assert hooks_for([spec("cutover", "edge", broken=False), spec("surge", "gateway")]) == {}
