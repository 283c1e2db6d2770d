"""flush, in a world without a registry."""

from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults import flush
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.flush import Flush
from gauntlet.core.errors import RollbackError


class FakeRedis:
    """A client, or a transaction of one; `keys` is shared by all of a test."""

    keys = SimpleNamespace(now=0, after_flush=0)

    def __init__(self, *_address, **_options):
        self._answers = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def pipeline(self, *, transaction):
        """A transaction queues its answers."""
        assert transaction
        self._answers = []
        return self

    def dbsize(self):
        """How many keys there are."""
        return self._answer(self.keys.now)

    def flushall(self):
        """Empty it."""
        self.keys.now = self.keys.after_flush
        return self._answer(True)

    def execute(self):
        """All answers."""
        return self._answers

    def _answer(self, value):
        if self._answers is None:
            return value
        self._answers.append(value)
        return self


@pytest.fixture
def keys(monkeypatch):
    """A registry of 400 keys."""
    FakeRedis.keys = SimpleNamespace(now=400, after_flush=0)
    monkeypatch.setattr(flush.redis, "Redis", FakeRedis)
    monkeypatch.setattr(flush, "VERIFY_S", 0.0)
    return FakeRedis.keys


def test_a_registry_is_emptied_and_filled_again(world, spec, keys):
    """Proven by two counts in one transaction; whole when half of the keys are back."""
    fault = Flush(spec("flush", "registry"))
    assert fault.inject(world.context) == {"keys": 400}
    assert fault.prove(world.context) == {"keys_before": 400, "keys_after": 0}
    assert fault.heal(world.context) == {}
    keys.now = 250
    assert fault.verify(world.context) == {"keys": 250}


def test_a_registry_that_stays_empty_is_not_healed(world, spec, keys):
    """Nobody may call that whole."""
    fault = Flush(spec("flush", "registry"))
    fault.inject(world.context)
    keys.now = 150
    with pytest.raises(RollbackError, match="400 keys"):
        fault.verify(world.context)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (400, 3)])
def test_no_keys_lost_is_no_proof(world, spec, keys, before, after):
    """An empty registry cannot be emptied, and one that keeps keys was not."""
    keys.now, keys.after_flush = before, after
    fault = Flush(spec("flush", "registry"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed):
        fault.prove(world.context)


def test_what_was_not_injected_is_healed(world, spec):
    """Without asking any registry."""
    fault = Flush(spec("flush", "registry"))
    assert (fault.heal(world.context), fault.verify(world.context)) == ({}, {})
