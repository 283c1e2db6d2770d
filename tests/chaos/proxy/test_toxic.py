"""A toxic from a request, and changed by one."""

import pytest

from gauntlet.chaos.proxy.errors import ApiError
from gauntlet.chaos.proxy.toxic import Toxic


def test_defaults():
    """Downstream, certain, named after type and stream."""
    toxic = Toxic.create(1, {"type": "latency"})
    assert toxic.as_json() == {
        "attributes": {"latency": 0, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1.0,
    }


def test_null_counts_as_not_given():
    """As in Go, null leaves a value as it is."""
    body = {"type": "latency", "toxicity": None, "attributes": {"latency": 5, "jitter": None}}
    toxic = Toxic.create(1, body)
    assert (toxic.toxicity, toxic.as_json()["attributes"]) == (1.0, {"latency": 5, "jitter": 0})
    changed = toxic.updated({"toxicity": None, "attributes": {"latency": None, "jitter": 2}})
    assert changed.as_json()["attributes"] == {"latency": 5, "jitter": 2}
    assert changed.toxicity == 1.0


def test_an_update_leaves_the_original_alone():
    """A refused update must not have changed half of the toxic."""
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
def test_refusals(body, message):
    """Each is a 400 that says what is wrong."""
    with pytest.raises(ApiError, match=message) as caught:
        Toxic.create(1, body)
    assert caught.value.status == 400
