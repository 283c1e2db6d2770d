"""disconnect, on a fake stack."""

from dataclasses import replace

import pytest

from gauntlet.chaos.clients import link_probe, socket_table
from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.faults import _cut
from gauntlet.chaos.faults._toxics import FaultToxics
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.disconnect import Disconnect


@pytest.fixture
def clients(stack, monkeypatch):
    """Ten connections, of which the toxic cuts three."""
    connections = {("client>edge-blue-1", port) for port in range(10)}
    cut = {("client>edge-blue-1", port) for port in range(3)}

    def client_connections(addresses):
        assert "client>edge-blue-1" in list(addresses)
        return connections - (cut if stack.proxy.toxics("client>edge-blue-1") else set())

    monkeypatch.setattr(socket_table, "client_connections", client_connections)
    monkeypatch.setattr(_cut, "_CUT_S", 0.2)
    return connections


def test_a_share_is_cut_by_a_data_limit_of_zero(stack, spec, clients):
    """On one stream; the toxicity is the share."""
    Disconnect(spec("disconnect", "client>edge", percent=25)).inject(stack.context)
    (toxic,) = stack.proxy.toxics("client>edge-blue-1")
    assert (toxic.type, toxic.stream, toxic.toxicity) == ("limit_data", "downstream", 0.25)
    assert toxic.attributes == {"bytes": 0}


def test_the_proof_counts_dropped_connections_and_removes_the_toxics(stack, spec, monkeypatch):
    """Connections that are opened later must not be cut."""
    seen = iter([{1, 2, 3, 4}, {1, 2, 4}, {1, 2, 4, 9}, {1, 2, 4, 9}])
    monkeypatch.setattr(socket_table, "client_connections", lambda _: next(seen))
    fault = Disconnect(spec("disconnect", "client>edge", percent=25))
    fault.inject(stack.context)
    proof = fault.prove(stack.context)
    assert proof == {"connections": 4, "dropped": 1, "seen_by": "socket table"}
    assert stack.proxy.active() == set()


def test_a_disconnect_that_cuts_no_connection_fails(stack, spec, monkeypatch):
    """After several selections, and without a toxic that is left."""
    monkeypatch.setattr(socket_table, "client_connections", lambda _: {1, 2})
    monkeypatch.setattr(_cut, "_CUT_S", 0.01)
    fault = Disconnect(spec("disconnect", "client>edge"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="no connection was cut"):
        fault.prove(stack.context)
    assert stack.proxy.active() == set()


def test_a_selection_of_no_connection_is_repeated(stack, spec, monkeypatch):
    """Of eight connections, a share of 30 % selects none in one of seventeen runs."""
    connected = set(range(8))
    selected_by_turn = [set(), set(), {3, 5}]
    fault = Disconnect(spec("disconnect", "client>edge"))
    add = fault._toxics.add

    def select(*arguments, **options):
        add(*arguments, **options)
        connected.difference_update(selected_by_turn.pop(0))

    monkeypatch.setattr(fault._toxics, "add", select)
    monkeypatch.setattr(socket_table, "client_connections", lambda _: set(connected))
    monkeypatch.setattr(_cut, "_CUT_S", 0.01)
    fault.inject(stack.context)
    assert fault.prove(stack.context)["dropped"] == 2
    assert selected_by_turn == []
    assert stack.proxy.active() == set()


def test_a_disconnect_without_connections_fails(stack, spec, monkeypatch):
    """No toxic is added."""
    monkeypatch.setattr(socket_table, "client_connections", lambda _: set())
    with pytest.raises(FaultFailed, match="no client"):
        Disconnect(spec("disconnect", "client>edge")).inject(stack.context)
    assert stack.proxy.calls == []


def test_live_metrics_replace_a_hidden_socket_table(stack, spec, monkeypatch):
    """The load's count of disconnects is the proof then."""
    monkeypatch.setattr(socket_table, "client_connections", lambda _: None)
    rows = iter([{"connections": 9, "disconnects": 1}])
    later = {"connections": 9, "disconnects": 4}
    context = replace(stack.context, live=lambda: next(rows, later))
    fault = Disconnect(spec("disconnect", "client>edge"))
    fault.inject(context)
    assert fault.prove(context) == {"connections": 9, "dropped": 3, "seen_by": "live figures"}


def test_connections_of_a_link_that_answers_too_late_for_a_probe_are_cut(
    stack, spec, clients, monkeypatch
):
    """Another fault delays it; its connections are alive."""
    silent = ProbeResult(None, "no answer within 2000 ms", silent=True)
    monkeypatch.setattr(link_probe, "probe_all", lambda links, *_: dict.fromkeys(links, silent))
    fault = Disconnect(spec("disconnect", "client>edge", percent=25))
    with pytest.raises(FaultFailed, match="even before"):
        fault.inject(stack.context)
    other = FaultToxics(spec("latency", "client>edge", id="other"))
    other.add(stack.context, "latency", {"latency": 3000})
    fault.inject(stack.context)
    kinds = [toxic.type for toxic in stack.proxy.toxics("client>edge-blue-1")]
    assert sorted(kinds) == ["latency", "latency", "limit_data"]
