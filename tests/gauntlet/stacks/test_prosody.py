"""The Prosody stack as far as it goes without Prosody."""

import pytest

from gauntlet import stacks
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.core.scenario.capabilities import ADAPTER_STACKS
from gauntlet.scenarios.adapters import ADAPTERS
from gauntlet.stacks import prosody


def boot(tmp_path, monkeypatch, binary="/bin/false", **config):
    """A stack whose Prosody is another program."""
    monkeypatch.setenv("GAUNTLET_PROSODY", binary)
    request = {"data_dir": str(tmp_path), "log_dir": str(tmp_path), "config": config}
    return prosody.ProsodyStack(request, on_event=lambda _event: None)


def test_every_adapter_has_its_stacks():
    """The registries of adapters and stacks name the same things."""
    assert list(ADAPTER_STACKS) == list(ADAPTERS)
    assert {stack for names in ADAPTER_STACKS.values() for stack in names} == set(stacks.STACKS)


def test_without_prosody_nothing_starts(tmp_path, monkeypatch):
    """The message says how to get it; that is the user's to mend."""
    monkeypatch.delenv("GAUNTLET_PROSODY", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(prosody, "_SEARCHED", "")
    with pytest.raises(ConfigError, match="apt-get install prosody"):
        prosody.ProsodyStack({}, on_event=print)


def test_one_that_does_not_start_leaves_its_last_words(tmp_path, monkeypatch):
    """And nothing runs after it."""
    stack = boot(tmp_path, monkeypatch)
    try:
        components, links = stack.plan()
        assert [row["role"] for row in components] == ["edge"]
        assert [link.name for link in links] == ["client>prosody"]
        with pytest.raises(StackError, match="prosody did not start"):
            stack.start({})
    finally:
        stack.stop()


def test_a_setting_that_it_does_not_have_is_refused(tmp_path, monkeypatch):
    """What Prosody stores where decides the verdict, so nothing is guessed."""
    stack = boot(tmp_path, monkeypatch, storage="cloud")
    try:
        with pytest.raises(ConfigError, match="allowed: internal, memory"):
            stack.start({})
    finally:
        stack.stop()
