"""flush, with a double of the Redis client."""

from types import SimpleNamespace

import pytest
import redis

from gauntlet.chaos.faults import flush
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.flush import Flush
from gauntlet.core.errors import RollbackError


class FakeRedis:
    """A client, or a transaction of one; `keys` is shared by all clients of a test."""

    keys = SimpleNamespace(now=0, after_flush=0, unanswered=0)

    def __init__(self, *_address, password, retry, **_options):
        assert password == "password of registry"
        self._attempts = 1 + retry.get_retries()
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
        if self._answers is None:
            self._may_fail()
        return self._answer(self.keys.now)

    def flushall(self):
        """Delete all keys."""
        self.keys.now = self.keys.after_flush
        return self._answer(True)

    def execute(self):
        """All answers; of the first attempts they are lost."""
        self._may_fail()
        return self._answers

    def _may_fail(self):
        for _ in range(self._attempts):
            if not self.keys.unanswered:
                return
            self.keys.unanswered -= 1
        raise redis.TimeoutError

    def _answer(self, value):
        if self._answers is None:
            return value
        self._answers.append(value)
        return self


@pytest.fixture
def keys(monkeypatch):
    """A registry of 400 keys."""
    FakeRedis.keys = SimpleNamespace(now=400, after_flush=0, unanswered=0)
    monkeypatch.setattr(flush.redis, "Redis", FakeRedis)
    monkeypatch.setattr(flush, "VERIFY_S", 0.0)
    return FakeRedis.keys


def test_an_emptied_registry_is_healed_when_half_of_the_keys_are_back(stack, spec, keys):
    """The proof is two counts in one transaction."""
    fault = Flush(spec("flush", "registry"))
    assert fault.inject(stack.context) == {"keys": 400}
    assert fault.prove(stack.context) == {"keys_before": 400, "keys_after": 0}
    assert fault.heal(stack.context) == {}
    keys.now = 250
    assert fault.verify(stack.context) == {"keys": 250}


def test_a_registry_that_stays_empty_is_not_healed(stack, spec, keys):
    fault = Flush(spec("flush", "registry"))
    fault.inject(stack.context)
    keys.now = 150
    with pytest.raises(RollbackError, match="400 keys"):
        fault.verify(stack.context)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (400, 3)])
def test_a_flush_that_deletes_no_keys_or_leaves_some_is_no_proof(stack, spec, keys, before, after):
    """The registry was empty before, or was not emptied."""
    keys.now, keys.after_flush = before, after
    fault = Flush(spec("flush", "registry"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed):
        fault.prove(stack.context)


def test_a_flush_whose_answer_is_lost_has_failed_and_is_not_repeated(stack, spec, keys):
    """The second attempt would find no keys, and the count of the first one is not known."""
    keys.unanswered = 1
    with pytest.raises(FaultFailed, match="did not answer"):
        Flush(spec("flush", "registry")).inject(stack.context)


def test_a_registry_that_does_not_answer_at_once_is_asked_again(stack, spec, keys, monkeypatch):
    """Another fault may act on it while the first one is healed."""
    monkeypatch.setattr(flush, "VERIFY_S", 5.0)
    fault = Flush(spec("flush", "registry"))
    fault.inject(stack.context)
    keys.now, keys.unanswered = 250, 1
    assert fault.verify(stack.context) == {"keys": 250}


def test_heal_without_inject_does_nothing(stack, spec):
    """No registry is contacted."""
    fault = Flush(spec("flush", "registry"))
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
