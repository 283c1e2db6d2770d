"""reset, on a fake stack; tests/contract has both proxies."""

from collections import Counter

import pytest

from gauntlet.chaos.clients import link_probe, socket_table
from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.clients.witnesses import Witnesses
from gauntlet.chaos.faults import _cut
from gauntlet.chaos.faults.reset import Reset


@pytest.fixture
def witnessed(monkeypatch):
    """Two of four connections are cut, and our own have the endings that a test adds."""
    endings = Counter()
    seen = iter([{1, 2, 3, 4}])
    monkeypatch.setattr(socket_table, "client_connections", lambda _: next(seen, {1, 2}))
    monkeypatch.setattr(_cut, "_CUT_S", 0.01)
    monkeypatch.setattr(Witnesses, "connect", lambda *_: None)
    monkeypatch.setattr(Witnesses, "close", lambda *_: endings)
    return endings


@pytest.mark.parametrize("stream", ["both", "upstream", "downstream"])
def test_the_toxic_is_on_the_streams_that_the_scenario_names(stack, spec, witnessed, stream):
    fault = Reset(spec("reset", "edge>broker", percent=19, stream=stream))
    fault.inject(stack.context)
    toxics = stack.proxy.toxics("edge>broker")
    expected = ["downstream", "upstream"] if stream == "both" else [stream]
    assert [toxic.stream for toxic in toxics] == expected
    # One of two directions selects 19 % of the connections.
    assert toxics[0].toxicity == pytest.approx(0.1 if stream == "both" else 0.19)


def test_cut_connections_without_a_fin_are_the_proof(stack, spec, witnessed):
    witnessed.update(reset=1, open=3)
    fault = Reset(spec("reset", "edge>broker"))
    fault.inject(stack.context)
    proof = fault.prove(stack.context)
    assert (proof["dropped"], proof["witnesses"]) == (2, {"reset": 1, "open": 3})
    assert fault.heal(stack.context) == {}
    assert stack.proxy.active() == set()


def test_a_connection_that_ended_by_fin_is_no_proof(stack, spec, witnessed):
    witnessed.update(reset=3, closed=1)
    fault = Reset(spec("reset", "edge>broker"))
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"]["witnesses"] == {"reset": 3, "closed": 1}


def test_a_link_that_keeps_its_connections_is_no_proof(stack, spec, witnessed, monkeypatch):
    witnessed.update(reset=4)
    monkeypatch.setattr(socket_table, "client_connections", lambda _: {1, 2})
    fault = Reset(spec("reset", "edge>broker"))
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"]["reason"] == "no connection was cut"


def test_a_link_that_did_not_answer_before_gets_no_connection_of_ours(
    stack, spec, witnessed, monkeypatch
):
    """A proxy ends connections to a component that is not up by FIN."""
    asked = []
    monkeypatch.setattr(Witnesses, "connect", lambda _, links, _number: asked.extend(links))
    answers = {"client>edge-blue-1": True}

    def probe_all(links, *_):
        return {name: ProbeResult(1.0 if answers.get(name) else None) for name in links}

    monkeypatch.setattr(link_probe, "probe_all", probe_all)
    Reset(spec("reset", "client>edge")).inject(stack.context)
    links = stack.context.links("client>edge")
    assert len(links) > 1
    assert asked == [(links["client>edge-blue-1"].kind, links["client>edge-blue-1"].listen)]
