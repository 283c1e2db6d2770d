"""Objectives: met, missed, or not known."""

import pytest

from gauntlet.kernel import vocabulary
from gauntlet.kernel.history import Kind
from reports.indicators import INDICATORS

from .histories import MS, good_story


def objective(judged, story, **more):
    """One objective's judgement on a story."""
    given = {"id": "it", "op": "<", "value": 500, **more}
    story.scenario["sla"] = [given]
    return judged(story)["objectives"][0]


def test_the_registry_is_the_vocabulary():
    """Every indicator that users may name exists."""
    assert set(INDICATORS) == set(vocabulary.INDICATORS)


@pytest.mark.parametrize(
    ("indicator", "window", "low", "high"),
    [
        ("ack_p50_ms", "steady", 5, 25),
        ("delivery_p99_ms", "steady", 20, 500),
        ("delivery_max_ms", "fault:edge-crash", 1500, 4000),
        ("send_errors_ratio", "run", 0.001, 0.03),
        ("live_missed_ratio", "fault:edge-crash", 0.2, 0.9),
        ("live_missed_ratio", "steady", 0, 0.05),
        ("recovery_ms", "recovery:edge-crash", 300, 500),
        ("recovery_ms", "run", 300, 500),
        ("lag_p99_ms", "steady", 0.5, 1),
        ("lost_connections_count", "fault:edge-crash", 1, 8),
        ("lost_connections_count", "recovery:edge-crash", 0, 0),
        ("unconnected_max_ms", "fault:edge-crash", 1900, 2400),
        ("acked_per_s", "run", 30, 41),
    ],
)
def test_indicators_measure_what_the_model_does(judged, indicator, window, low, high):
    """Each value lies where the model of the run puts it."""
    found = objective(judged, good_story(1), indicator=indicator, window=window, value=1e9)
    assert found["verdict"] == "valid"
    assert low <= found["value"] <= high


@pytest.mark.parametrize(("op", "verdict"), [("<", "invalid"), (">", "valid"), (">=", "valid")])
def test_comparisons(judged, op, verdict):
    """An objective is missed when its comparison does not hold."""
    found = objective(judged, good_story(1), indicator="ack_p50_ms", op=op, value=1)
    assert found["verdict"] == verdict


def test_too_few_samples_are_not_a_pass(judged):
    """A value that rests on nothing is not known."""
    found = objective(judged, good_story(1), indicator="ack_p50_ms", min_samples=10_000)
    assert found["verdict"] == "unknown"
    assert "10000 needed" in found["sentence"]


def test_a_fault_without_proof_judges_nothing(judged):
    """Its window may be fine because it never acted."""
    story = good_story(1)
    story.chaos[1]["proof"] = {}
    found = objective(judged, story, indicator="ack_p50_ms", window="fault:edge-crash")
    assert found["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("indicator", "verdict"), [("delivery_p99_ms", "unknown"), ("send_errors_ratio", "valid")]
)
def test_a_late_generator_makes_latencies_unknown(judged, indicator, verdict):
    """And nothing else: a message that is lost is lost."""
    story = good_story(1)
    for index in story.at(Kind.OP)[::20]:
        story.change(index, t_ns=story.records[index].ref_ns + 30 * MS)
    found = objective(judged, story, indicator=indicator, value=1e9)
    assert found["verdict"] == verdict
    assert ("generator-limited" in found["sentence"]) == (verdict == "unknown")


def test_a_lost_message_is_infinitely_late(judged):
    """It cannot be met by any number."""
    story = good_story(1)
    index = story.at(Kind.DELIVER)[-1]
    story.drop([index])
    found = objective(judged, story, indicator="delivery_max_ms", value=1e9, window="run")
    assert (found["verdict"], found["value"]) == ("invalid", "inf")
    assert "∞" in found["sentence"]
