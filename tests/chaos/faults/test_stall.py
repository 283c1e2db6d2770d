"""stall: its toxic, what shows it, and what it holds back."""

from collections import Counter

import pytest

from gauntlet.chaos.clients import link_exchange
from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.clients.witnesses import Witnesses
from gauntlet.chaos.faults import _toxic_fault
from gauntlet.chaos.faults.stall import Stall

BEFORE = Exchange(60, 100, 1.0, 1.0)


@pytest.fixture
def held(monkeypatch):
    """The connections on which the fault leaves a request; all of them are answered late."""
    links = []
    monkeypatch.setattr(Witnesses, "connect", lambda _self, wanted, _number: links.extend(wanted))
    monkeypatch.setattr(Witnesses, "send_requests", lambda _self: None)
    monkeypatch.setattr(Witnesses, "close", lambda *_: Counter(answered=len(links)))
    return links


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (Exchange(60), True),
        (BEFORE, False),
        (Exchange(60, ended="closed", ended_ms=1.0), False),
        (Exchange(0, ended="refused"), False),
    ],
)
def test_only_silence_on_an_open_connection_shows_it(spec, now, shown):
    fault = Stall(spec("stall", "edge>broker"))
    assert fault.is_shown_by(BEFORE, now) is shown
    assert (fault.toxic, fault.attributes()) == ("bandwidth", {"rate": 0})


def test_the_heal_reports_the_requests_that_were_delivered_late(stack, spec, held, monkeypatch):
    fault = Stall(spec("stall", "client>gateway"))
    fault.inject(stack.context)
    monkeypatch.setattr(link_exchange, "exchange", lambda *_: Exchange(60))
    assert fault.prove(stack.context)
    assert len(held) == 2
    fault.heal(stack.context)
    assert fault.verify(stack.context)["held"] == {"answered": 2}


def test_a_link_that_goes_on_answering_is_left_without_proof(stack, spec, held, monkeypatch):
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = Stall(spec("stall", "edge>broker"))
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert held == []
    assert fault.heal(stack.context)["unproven"]["during"]["edge>broker"]["received"] == 100
