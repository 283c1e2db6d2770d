"""What a running server says about its components."""

from types import SimpleNamespace

from benchmarks.resilience.cluster import Cluster
from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.stacks.reference import StackAddresses


def test_a_component_whose_process_ended_is_named(monkeypatch):
    components = {
        "edge-1": Component("edge-1", "edge", "up"),
        "broker": Component("broker", "broker", "up", restarts=2),
    }
    ready = StackAddresses(api=("http://127.0.0.1:1",), control="http://127.0.0.1:2", token="t")
    cluster = Cluster(ready)
    monkeypatch.setattr(cluster, "control", SimpleNamespace(components=lambda: components))
    assert cluster.restarts() == ["broker was restarted 2 times"]
