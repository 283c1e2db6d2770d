"""How the API shows and changes toxics."""

import pytest

from gauntlet.chaos.proxy.toxics import TOXICS

pytestmark = [pytest.mark.contract, pytest.mark.integration]


def test_a_toxic_has_defaults(call, link):
    """Downstream, toxicity 1, named after type and stream, every attribute at zero."""
    answer = call("POST", f"/proxies/{link.name}/toxics", {"type": "latency"})
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
    assert call("GET", f"/proxies/{link.name}/toxics/latency_downstream").json() == expected
    assert call("GET", f"/proxies/{link.name}/toxics").json() == [expected]
    assert call("GET", f"/proxies/{link.name}").json()["toxics"] == [expected]


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


def test_all_toxics_are_tested_here_but_the_extensions():
    """`test_extensions.py` and the tests of the faults cover those of the embedded proxy alone."""
    assert TOXICS.keys() - ATTRIBUTES.keys() == {"half_open", "refuse"}
    assert ATTRIBUTES.keys() <= TOXICS.keys()


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_every_toxic_accepts_its_attributes(call, link, kind):
    """Both backends have the same types and attributes, and ignore unknown attributes."""
    body = {"type": kind, "attributes": ATTRIBUTES[kind] | {"unknown": 1}}
    answer = call("POST", f"/proxies/{link.name}/toxics", body)
    assert (answer.status_code, answer.json()["attributes"]) == (200, ATTRIBUTES[kind])


def test_names_are_unique_across_both_streams(call, link):
    """A name belongs to the proxy, not to the stream."""
    path = f"/proxies/{link.name}/toxics"
    assert call("POST", path, {"type": "noop", "name": "n"}).status_code == 200
    answer = call("POST", path, {"type": "latency", "name": "n", "stream": "upstream"})
    assert (answer.status_code, answer.json()["error"]) == (409, "toxic already exists")


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_an_update_keeps_the_values_that_it_does_not_contain(call, link, verb):
    """Toxicity and single attributes change; name, type and stream never do."""
    name = link.add("latency", stream="upstream", toxicity=0.5, latency=3, jitter=2)
    path = f"/proxies/{link.name}/toxics/{name}"
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


def test_the_stream_may_be_written_in_any_case(call, link):
    """It is shown as it was written."""
    body = {"type": "noop", "stream": "UPStream", "toxicity": 7}
    created = call("POST", f"/proxies/{link.name}/toxics", body).json()
    assert (created["name"], created["stream"], created["toxicity"]) == (
        "noop_UPStream",
        "UPStream",
        7,
    )


def test_toxics_are_listed_upstream_first(link):
    """Then in the order in which they were added."""
    for stream in ("downstream", "upstream"):
        for kind in ("noop", "latency"):
            link.add(kind, stream=stream)
    assert [toxic.name for toxic in link.proxy.toxics(link.name)] == [
        "noop_upstream",
        "latency_upstream",
        "noop_downstream",
        "latency_downstream",
    ]


def test_a_removed_toxic_is_gone(call, link):
    """The first DELETE is answered with 204, the second with 404."""
    name = link.add("noop")
    path = f"/proxies/{link.name}/toxics/{name}"
    assert call("DELETE", path).status_code == 204
    assert call("DELETE", path).status_code == 404
    assert link.proxy.toxics(link.name) == []
