"""Toxics as the API shows and changes them."""

import pytest

from gauntlet.chaos.proxy.toxics import TOXICS

pytestmark = [pytest.mark.contract, pytest.mark.integration]


def test_defaults(call, wire):
    """Downstream, certain, named after type and stream, every attribute at zero."""
    answer = call("POST", f"/proxies/{wire.name}/toxics", {"type": "latency"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    expected = {
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
        "attributes": {"latency": 0, "jitter": 0},
    }
    assert answer.json() == expected
    assert call("GET", f"/proxies/{wire.name}/toxics/latency_downstream").json() == expected
    assert call("GET", f"/proxies/{wire.name}/toxics").json() == [expected]
    assert call("GET", f"/proxies/{wire.name}").json()["toxics"] == [expected]


ATTRIBUTES = {
    "bandwidth": {"rate": 5},
    "latency": {"latency": 5, "jitter": 2},
    "limit_data": {"bytes": 5},
    "noop": {},
    "reset_peer": {"timeout": 5},
    "slicer": {"average_size": 5, "size_variation": 2, "delay": 1},
    "slow_close": {"delay": 5},
    "timeout": {"timeout": 5},
}


@pytest.mark.parametrize("kind", TOXICS)
def test_every_toxic_has_its_attributes(call, wire, kind):
    """The same types and attributes on both backends; unknown attributes are let pass."""
    body = {"type": kind, "attributes": ATTRIBUTES[kind] | {"unknown": 1}}
    answer = call("POST", f"/proxies/{wire.name}/toxics", body)
    assert (answer.status_code, answer.json()["attributes"]) == (200, ATTRIBUTES[kind])


def test_names_are_unique_over_both_streams(call, wire):
    """A name belongs to the proxy, not to the stream."""
    path = f"/proxies/{wire.name}/toxics"
    assert call("POST", path, {"type": "noop", "name": "n"}).status_code == 200
    answer = call("POST", path, {"type": "latency", "name": "n", "stream": "upstream"})
    assert (answer.status_code, answer.json()["error"]) == (409, "toxic already exists")


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_an_update_keeps_what_it_does_not_name(call, wire, verb):
    """Toxicity and single attributes change; name, type and stream never do."""
    name = wire.add("latency", stream="upstream", toxicity=0.5, latency=3, jitter=2)
    path = f"/proxies/{wire.name}/toxics/{name}"
    changes = [
        {"attributes": {"jitter": 1}},
        {"toxicity": 0.25},
        {"name": "x", "type": "noop", "stream": "downstream"},
        {"toxicity": None, "attributes": None},
    ]
    for change in changes:
        assert call(verb, path, change).status_code == 200
    assert call("GET", path).json() == {
        "name": "latency_upstream",
        "type": "latency",
        "stream": "upstream",
        "toxicity": 0.25,
        "attributes": {"latency": 3, "jitter": 1},
    }
    assert call(verb, path, {"attributes": {"jitter": "x"}}).status_code == 400


def test_the_stream_is_read_in_any_case(call, wire):
    """And shown as it was written."""
    body = {"type": "noop", "stream": "UPStream", "toxicity": 7}
    made = call("POST", f"/proxies/{wire.name}/toxics", body).json()
    assert (made["name"], made["stream"], made["toxicity"]) == ("noop_UPStream", "UPStream", 7)


def test_toxics_are_listed_upstream_first(wire):
    """Then in the order of their adding."""
    for stream in ("downstream", "upstream"):
        for kind in ("noop", "latency"):
            wire.add(kind, stream=stream)
    assert [toxic.name for toxic in wire.proxy.toxics(wire.name)] == [
        "noop_upstream",
        "latency_upstream",
        "noop_downstream",
        "latency_downstream",
    ]


def test_a_removed_toxic_is_gone(call, wire):
    """204, then 404."""
    name = wire.add("noop")
    path = f"/proxies/{wire.name}/toxics/{name}"
    assert call("DELETE", path).status_code == 204
    assert call("DELETE", path).status_code == 404
    assert wire.proxy.toxics(wire.name) == []
