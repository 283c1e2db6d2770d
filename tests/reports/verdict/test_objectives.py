"""Objectives are met, missed, or unknown."""

import re

import pytest

from gauntlet.core.history import Kind
from gauntlet.core.scenario import catalog
from gauntlet.reports.metrics.indicators import INDICATORS, NEED_PUNCTUAL_SENDS

from ..histories import good_story
from ..mutators import lose_the_tail, refuse_a_user
from ..story import FAULT_S, HEAL_S, MS, ZERO, S


def objective(judged, story, **more):
    """Return the judgement of one objective on a story."""
    fields = {"id": "objective", "op": "<", "value": 500, **more}
    story.scenario["sla"] = [fields]
    return judged(story)["objectives"][0]


def test_the_indicators_are_those_of_the_catalog():
    assert set(INDICATORS) == set(catalog.INDICATORS)


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
        ("lost_connections_count", "steady", 0, 0),
        ("unconnected_max_ms", "steady", 0, 0),
        ("unconnected_max_ms", "fault:edge-crash", 1900, 2400),
        ("acked_per_s", "run", 30, 41),
    ],
)
def test_indicators_measure_the_model_of_the_story(judged, indicator, window, low, high):
    found = objective(judged, good_story(1), indicator=indicator, window=window, value=1e9)
    assert found["verdict"] == "valid"
    assert low <= found["value"] <= high


@pytest.mark.parametrize(("op", "verdict"), [("<", "invalid"), (">", "valid"), (">=", "valid")])
def test_an_objective_is_met_if_its_comparison_holds(judged, op, verdict):
    found = objective(judged, good_story(1), indicator="ack_p50_ms", op=op, value=1)
    assert found["verdict"] == verdict


def test_an_objective_with_too_few_samples_is_unknown(judged):
    found = objective(judged, good_story(1), indicator="ack_p50_ms", min_samples=10_000)
    assert found["verdict"] == "unknown"
    assert "at least 10,000 are needed" in found["sentence"]


def test_an_objective_over_a_fault_without_proof_is_unknown(judged):
    story = good_story(1)
    story.chaos[1]["proof"] = {}
    found = objective(judged, story, indicator="ack_p50_ms", window="fault:edge-crash")
    assert found["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("indicator", "verdict"),
    [(name, "unknown") for name in sorted(NEED_PUNCTUAL_SENDS)]
    + [("send_errors_ratio", "valid"), ("missed_arrivals_ratio", "valid"), ("lag_p99_ms", "valid")],
)
def test_a_late_generator_makes_only_latencies_and_capacity_unknown(judged, indicator, verdict):
    story = good_story(1)
    for index in story.at(Kind.OP)[::20]:
        story.change(index, t_ns=story.records[index].ref_ns + 30 * MS)
    found = objective(judged, story, indicator=indicator, value=1e9)
    assert found["verdict"] == verdict
    assert ("generator-limited" in found["sentence"]) == (verdict == "unknown")


def test_a_late_generator_does_not_change_the_checks(judged):
    story = good_story(1)
    lose_the_tail(story)
    story.reconcile()
    usual = judged(story)["checks"]
    for index in story.at(Kind.OP)[::20]:
        story.change(index, t_ns=story.records[index].ref_ns + 30 * MS)
    late = judged(story)
    assert late["caveats"][0].startswith("The run is generator-limited")
    verdicts = [
        [(check["id"], check["verdict"]) for check in checks] for checks in (usual, late["checks"])
    ]
    assert verdicts[0] == verdicts[1]
    assert ("lost-acked", "invalid") in verdicts[1]
    assert late["verdict"]["exit_code"] == 1


def test_a_generator_that_was_late_only_in_a_fault_is_not_limited(judged):
    story = good_story(1)
    begun, healed = (ZERO + int(at * S) for at in (FAULT_S, HEAL_S))
    for index in story.at(Kind.OP):
        intended_ns = story.records[index].ref_ns
        if begun <= intended_ns < healed:
            story.change(index, t_ns=intended_ns + 30 * MS)
    assert objective(judged, story, indicator="delivery_p99_ms")["verdict"] == "valid"
    assert judged(story)["caveats"] == []


def test_a_lost_message_meets_no_objective(judged):
    """Its age is a lower bound of its latency, and infinity the upper bound."""
    story = good_story(1)
    index = story.at(Kind.DELIVER)[-1]
    story.drop([index])
    lost = {"indicator": "delivery_max_ms", "window": "run"}
    found = objective(judged, story, **lost, value=1e9)
    assert (found["verdict"], found["at_least"]) == ("invalid", True)
    assert 6_000 < found["value"] < 8_000
    assert (
        f"is ≥ {found['value'] / 1000:.3g} s (a lower bound, because some had not arrived"
        in found["sentence"]
    )
    above = {"op": ">", **lost}
    assert objective(judged, story, **above, value=5_000)["verdict"] == "valid"
    assert objective(judged, story, **above, value=1e9)["verdict"] == "invalid"


@pytest.mark.parametrize(
    ("indicator", "least_ms"), [("unconnected_max_ms", 6_000), ("delivery_max_ms", 6_000)]
)
def test_a_refused_user_counts_until_the_audit_in_steady_load(judged, indicator, least_ms):
    story = good_story(1)
    refuse_a_user(story)
    story.reconcile()
    found = objective(judged, story, indicator=indicator, value=5_000)
    assert (found["verdict"], found["value"]) == ("invalid", pytest.approx(least_ms))


def test_a_refused_send_has_an_infinite_latency(judged):
    story = good_story(1)
    for index in story.at(Kind.UNKNOWN):
        story.change(index, kind=Kind.REJECT)
    story.reconcile()
    found = objective(judged, story, indicator="ack_p999_ms", window="run", value=1e9)
    assert (found["verdict"], found["value"], found["at_least"]) == ("invalid", "inf", False)


def test_every_latency_and_the_capacity_need_punctual_sends():
    latencies = {name for name in INDICATORS if re.match("(ack|delivery)_(p[0-9]+|max)_ms", name)}
    assert {"acked_per_s", *latencies} == NEED_PUNCTUAL_SENDS


@pytest.mark.parametrize(
    ("indicator", "window", "value", "verdict"),
    [
        ("delivery_p99_ms", "fault:edge-crash", 89_999, "unknown"),
        ("delivery_p99_ms", "fault:edge-crash", 90_000, "valid"),
        ("ack_p99_ms", "steady", 89_999, "unknown"),
        ("ack_p99_ms", "run", 89_999, "valid"),
        ("recovery_ms", "run", 89_999, "unknown"),
        ("send_errors_ratio", "steady", 1, "valid"),
    ],
)
def test_objectives_near_the_error_of_the_clocks_are_unknown(
    judged, indicator, window, value, verdict
):
    """An objective below ten times the error is unknown if it depends on the times of a fault."""
    story = good_story(1)
    error = {"offset_ns": 0, "error_ns": 9_000 * MS, "t_ns": 1, "kind": "clock", "worker": 0}
    story.conductor.append({**error, "host": "h"})
    found = objective(judged, story, indicator=indicator, window=window, value=value)
    assert found["verdict"] == verdict
    assert ("agree only within 9 s" in found["sentence"]) == (verdict == "unknown")
