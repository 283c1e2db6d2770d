"""A missing extra is named with the command that installs it."""

import sys
import tomllib
from pathlib import Path

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.reports import extras

PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())


def test_every_extra_is_one_of_the_distribution():
    assert set(extras.MODULES) <= set(PYPROJECT["project"]["optional-dependencies"])


@pytest.mark.parametrize("extra", extras.MODULES)
def test_a_missing_extra_is_refused_with_the_command_that_installs_it(monkeypatch, extra):
    monkeypatch.setitem(sys.modules, extras.MODULES[extra], None)
    assert not extras.is_installed(extra)
    with pytest.raises(ConfigError) as caught:
        extras.require(extra, "--this")
    sentence = f"--this needs the extra {extra}: pip install 'im-gauntlet[{extra}]'"
    assert str(caught.value) == sentence


def test_an_installed_extra_is_not_refused():
    extras.require("charts", "--this")
