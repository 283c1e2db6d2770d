"""half-open: what old and new connections must show."""

from collections import Counter

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.clients.witnesses import Witnesses
from gauntlet.chaos.faults import _toxic_fault
from gauntlet.chaos.faults.half_open import HalfOpen

BEFORE = Exchange(60, 100, 1.0, 1.0)


@pytest.fixture
def endings(monkeypatch):
    """What becomes of the connections that were opened before the fault."""
    found = Counter()
    monkeypatch.setattr(Witnesses, "connect", lambda *_: None)
    monkeypatch.setattr(Witnesses, "close", lambda *_: found)
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    return found


@pytest.mark.parametrize(
    ("percent", "old", "proven"),
    [
        (100, {"open": 3}, True),
        (100, {"open": 2, "answered": 1}, False),
        (50, {"open": 2, "answered": 1}, True),
        (50, {"answered": 3}, False),
        (100, {"closed": 3}, False),
        (100, {}, False),
    ],
)
def test_old_connections_must_be_silent_and_new_ones_answered(
    stack, spec, endings, percent, old, proven
):
    endings.update(old)
    fault = HalfOpen(spec("half-open", "edge>broker", percent=percent))
    assert fault.inject(stack.context)["links"] == ["edge>broker"]
    proof = fault.prove(stack.context)
    assert (proof.get("old") == {"edge>broker": old}) is proven
    assert bool(fault.heal(stack.context)) is not proven
    assert stack.proxy.active() == set()


def test_a_silence_of_new_connections_is_another_fault(stack, spec, endings):
    endings.update(open=1)
    fault = HalfOpen(spec("half-open", "edge>broker"))
    fault.inject(stack.context)
    stack.proxy.add_toxic("edge>broker", "timeout", "downstream", 1.0, {"timeout": 0}, "other")
    stack.context.stop.set()  # otherwise the proof waits for the end of that fault
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"]["during"]["edge>broker"]["received"] == 0
    assert not fault.is_shown_by(BEFORE, Exchange(60))
