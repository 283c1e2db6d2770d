"""Creating a toxic from a request, and changing it by another one."""

import pytest

from gauntlet.chaos.proxy.errors import ApiError
from gauntlet.chaos.proxy.toxic import Toxic


def test_a_toxic_has_the_defaults_of_toxiproxy():
    """Downstream, toxicity 1.0, named after type and stream."""
    toxic = Toxic.create(1, {"type": "latency"})
    assert toxic.as_json() == {
        "attributes": {"latency": 0, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1.0,
    }


def test_null_counts_as_absent():
    """As in Go, null leaves a value unchanged."""
    body = {"type": "latency", "toxicity": None, "attributes": {"latency": 5, "jitter": None}}
    toxic = Toxic.create(1, body)
    assert (toxic.toxicity, toxic.as_json()["attributes"]) == (1.0, {"latency": 5, "jitter": 0})
    changed = toxic.updated({"toxicity": None, "attributes": {"latency": None, "jitter": 2}})
    assert changed.as_json()["attributes"] == {"latency": 5, "jitter": 2}
    assert changed.toxicity == 1.0


def test_a_refused_update_does_not_change_the_toxic():
    """Not even the part of the update that is valid."""
    toxic = Toxic.create(1, {"type": "bandwidth", "attributes": {"rate": 5}})
    with pytest.raises(ApiError, match="rate must be 0 or more"):
        toxic.updated({"toxicity": 0.1, "attributes": {"rate": -1}})
    assert toxic.as_json()["attributes"] == {"rate": 5}
    assert toxic.updated({"attributes": {"rate": 6}}).serial == toxic.serial


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"type": "none"}, "invalid toxic type"),
        ({"type": "noop", "stream": "up"}, "stream was invalid"),
        ({"type": "noop", "toxicity": "x"}, "bad request body: .*toxicity"),
        ({"type": "latency", "attributes": {"latency": True}}, "bad request body: .*latency"),
        ([], "bad request body"),
        (None, "bad request body"),
    ],
)
def test_an_invalid_request_is_refused_with_the_reason(body, message):
    """Each refusal has status 400."""
    with pytest.raises(ApiError, match=message) as caught:
        Toxic.create(1, body)
    assert caught.value.status == 400
