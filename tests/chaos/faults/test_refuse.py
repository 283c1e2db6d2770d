"""refuse: what old and new connections must show."""

from collections import Counter

import pytest

from gauntlet.chaos.clients import link_exchange
from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.clients.witnesses import Witnesses
from gauntlet.chaos.faults import _toxic_fault
from gauntlet.chaos.faults.refuse import Refuse

BEFORE = Exchange(60, 100, 1.0, 1.0)


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (Exchange(0, ended="refused"), True),
        (Exchange(60, ended="reset", ended_ms=1.0), True),
        (Exchange(60, 100, 1.0, 1.0, "reset", 1.0), False),
        (Exchange(60, ended="closed", ended_ms=1.0), False),  # the server behind it is down
        (Exchange(60), False),
        (Exchange(0, ended="failed"), False),
    ],
)
def test_a_new_connection_must_be_refused(spec, now, shown):
    assert Refuse(spec("refuse", "edge>broker")).is_shown_by(BEFORE, now) is shown


@pytest.mark.parametrize(
    ("old", "proven"),
    [({"answered": 1}, True), ({"closed": 1}, False), ({"open": 1}, False), ({}, False)],
)
def test_live_connections_must_stay(stack, spec, monkeypatch, old, proven):
    """A server that has died refuses connections too."""
    monkeypatch.setattr(Witnesses, "connect", lambda *_: None)
    monkeypatch.setattr(Witnesses, "close", lambda *_: Counter(old))
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = Refuse(spec("refuse", "edge>broker"))
    detail = fault.inject(stack.context)
    assert detail["streams"] == ["downstream"]
    monkeypatch.setattr(link_exchange, "exchange", lambda *_: Exchange(0, ended="refused"))
    assert bool(fault.prove(stack.context)) is proven
    assert bool(fault.heal(stack.context)) is not proven
    assert stack.proxy.active() == set()
