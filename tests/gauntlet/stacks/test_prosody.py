"""The parts of the Prosody stack that need no Prosody."""

import pytest

from gauntlet import stacks
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.core.scenario.catalog import ADAPTER_STACKS
from gauntlet.scenarios.adapters import ADAPTERS
from gauntlet.stacks import prosody, server_stack


def boot(tmp_path, monkeypatch, binary="/bin/false", **config):
    """Create a stack that starts another program instead of Prosody."""
    monkeypatch.setenv("GAUNTLET_PROSODY", binary)
    request = {"data_dir": str(tmp_path), "log_dir": str(tmp_path), "config": config}
    return prosody.ProsodyStack(request, on_event=lambda _event: None)


def test_every_adapter_has_its_stacks():
    """The registries of adapters and stacks contain the same names."""
    assert list(ADAPTER_STACKS) == list(ADAPTERS)
    assert {stack for names in ADAPTER_STACKS.values() for stack in names} == set(stacks.STACKS)


def test_a_missing_prosody_is_a_configuration_error(tmp_path, monkeypatch):
    """The message says how to install it."""
    monkeypatch.delenv("GAUNTLET_PROSODY", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(server_stack, "_EXTRA_PATH", "")
    with pytest.raises(ConfigError, match="apt-get install prosody"):
        prosody.ProsodyStack({}, on_event=print)


def test_a_prosody_that_does_not_start_raises_a_stack_error(tmp_path, monkeypatch):
    """No process is left running."""
    stack = boot(tmp_path, monkeypatch)
    try:
        components, links = stack.plan()
        assert [row["role"] for row in components] == ["edge"]
        assert [link.name for link in links] == ["client>prosody"]
        with pytest.raises(StackError, match="prosody did not start"):
            stack.start({})
    finally:
        stack.stop()


def test_an_unknown_storage_is_refused(tmp_path, monkeypatch):
    """The verdict depends on it, so it must not be guessed."""
    with pytest.raises(ConfigError, match="storage must be one of: internal, memory; got cloud"):
        boot(tmp_path, monkeypatch, storage="cloud")
