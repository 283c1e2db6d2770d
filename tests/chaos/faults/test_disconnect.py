"""disconnect, in a world without processes."""

from dataclasses import replace

import pytest

from gauntlet.chaos.clients import socket_table
from gauntlet.chaos.faults import disconnect
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.disconnect import Disconnect


@pytest.fixture
def clients(world, monkeypatch):
    """Ten connections; the toxic cuts three of them."""
    everybody = {("client>edge-blue-1", port) for port in range(10)}
    cut = {("client>edge-blue-1", port) for port in range(3)}

    def client_connections(addresses):
        assert "client>edge-blue-1" in list(addresses)
        return everybody - (cut if world.proxy.toxics("client>edge-blue-1") else set())

    monkeypatch.setattr(socket_table, "client_connections", client_connections)
    monkeypatch.setattr(disconnect, "_MOMENT_S", 0.2)
    return everybody


def test_a_share_is_cut_by_data_limits(world, spec, clients):
    """`limit_data` of nothing, on one stream, at the share's toxicity."""
    Disconnect(spec("disconnect", "client>edge", percent=25)).inject(world.context)
    (toxic,) = world.proxy.toxics("client>edge-blue-1")
    assert (toxic.type, toxic.stream, toxic.toxicity) == ("limit_data", "downstream", 0.25)
    assert toxic.attributes == {"bytes": 0}


def test_proof_counts_who_is_gone_and_the_toxics_go_at_once(world, spec, monkeypatch):
    """The proof counts connections, and nobody is cut after the moment."""
    seen = iter([{1, 2, 3, 4}, {1, 2, 4}, {1, 2, 4, 9}, {1, 2, 4, 9}])
    monkeypatch.setattr(socket_table, "client_connections", lambda _: next(seen))
    fault = Disconnect(spec("disconnect", "client>edge", percent=25))
    fault.inject(world.context)
    proof = fault.prove(world.context)
    assert proof == {"connections": 4, "dropped": 1, "seen_by": "socket table"}
    assert world.proxy.active() == set()


def test_nobody_cut_is_a_failure(world, spec, clients, monkeypatch):
    """A share that hit nobody is reported, not passed over."""
    fault = Disconnect(spec("disconnect", "client>edge"))
    fault.inject(world.context)
    world.proxy.on.clear()
    with pytest.raises(FaultFailed, match="no connection was cut"):
        fault.prove(world.context)


def test_nobody_connected_is_a_failure(world, spec, monkeypatch):
    """Without a live connection there is nothing to cut, and nothing is touched."""
    monkeypatch.setattr(socket_table, "client_connections", lambda _: set())
    with pytest.raises(FaultFailed, match="no client"):
        Disconnect(spec("disconnect", "client>edge")).inject(world.context)
    assert world.proxy.calls == []


def test_live_figures_stand_in_for_a_hidden_socket_table(world, spec, monkeypatch):
    """Where the system shows no sockets, the load's count of disconnects is the proof."""
    monkeypatch.setattr(socket_table, "client_connections", lambda _: None)
    rows = iter([{"connections": 9, "disconnects": 1}])
    later = {"connections": 9, "disconnects": 4}
    context = replace(world.context, live=lambda: next(rows, later))
    fault = Disconnect(spec("disconnect", "client>edge"))
    fault.inject(context)
    assert fault.prove(context) == {"connections": 9, "dropped": 3, "seen_by": "live figures"}
