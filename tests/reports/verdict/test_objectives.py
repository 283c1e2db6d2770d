"""Objectives: met, missed, or not known."""

import re

import pytest

from gauntlet.core.history import Kind
from gauntlet.core.scenario import catalog
from gauntlet.reports.metrics.indicators import INDICATORS, NEED_PUNCTUAL_SENDS

from ..histories import good_story
from ..mutators import keep_out, lose_the_tail
from ..story import FAULT_S, HEAL_S, MS, ZERO, S


def objective(judged, story, **more):
    """One objective's judgement on a story."""
    given = {"id": "it", "op": "<", "value": 500, **more}
    story.scenario["sla"] = [given]
    return judged(story)["objectives"][0]


def test_the_registry_is_the_vocabulary():
    """Every indicator that users may name exists."""
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
    assert "at least 10,000 are needed" in found["sentence"]


def test_a_fault_without_proof_judges_nothing(judged):
    """Its window may be fine because it never acted."""
    story = good_story(1)
    story.chaos[1]["proof"] = {}
    found = objective(judged, story, indicator="ack_p50_ms", window="fault:edge-crash")
    assert found["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("indicator", "verdict"),
    [(name, "unknown") for name in sorted(NEED_PUNCTUAL_SENDS)]
    + [("send_errors_ratio", "valid"), ("missed_arrivals_ratio", "valid"), ("lag_p99_ms", "valid")],
)
def test_a_late_generator_makes_latencies_and_capacity_unknown(judged, indicator, verdict):
    """And nothing else."""
    story = good_story(1)
    for index in story.at(Kind.OP)[::20]:
        story.change(index, t_ns=story.records[index].ref_ns + 30 * MS)
    found = objective(judged, story, indicator=indicator, value=1e9)
    assert found["verdict"] == verdict
    assert ("generator-limited" in found["sentence"]) == (verdict == "unknown")


def test_a_late_generator_excuses_no_violation(judged):
    """A message that is lost is lost: the checks say what they say without it."""
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


def test_lag_is_judged_where_nothing_was_broken(judged):
    """A generator that was late only while a fault acted is not limited."""
    story = good_story(1)
    begun, healed = (ZERO + int(at * S) for at in (FAULT_S, HEAL_S))
    for index in story.at(Kind.OP):
        intended_ns = story.records[index].ref_ns
        if begun <= intended_ns < healed:
            story.change(index, t_ns=intended_ns + 30 * MS)
    assert objective(judged, story, indicator="delivery_p99_ms")["verdict"] == "valid"
    assert judged(story)["caveats"] == []


def test_a_lost_message_meets_no_bound(judged):
    """It took its age at least, which is told; and perhaps for ever, so that no number is met."""
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
    ("indicator", "least"), [("unconnected_max_ms", 6_000), ("delivery_max_ms", 6_000)]
)
def test_who_is_kept_out_meets_no_bound(judged, indicator, least):
    """Called back at the quiesce, he waits until the audit: in steady load's window too."""
    story = good_story(1)
    keep_out(story)
    story.reconcile()
    found = objective(judged, story, indicator=indicator, value=5_000)
    assert (found["verdict"], found["value"]) == ("invalid", pytest.approx(least))


def test_a_refused_send_takes_for_ever(judged):
    """It was answered, and no wait would have got it an ack."""
    story = good_story(1)
    for index in story.at(Kind.UNKNOWN):
        story.change(index, kind=Kind.REJECT)
    story.reconcile()
    found = objective(judged, story, indicator="ack_p999_ms", window="run", value=1e9)
    assert (found["verdict"], found["value"], found["at_least"]) == ("invalid", "inf", False)


def test_latencies_and_capacity_are_what_a_late_generator_leaves_unknown():
    """Every percentile and maximum, and acknowledgements a second; and nothing else."""
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
def test_clocks_that_are_far_apart_leave_what_hangs_on_two_of_them_open(
    judged, indicator, window, value, verdict
):
    """Under ten times the error of the clocks nothing is known of what a fault's times decide."""
    story = good_story(1)
    error = {"offset_ns": 0, "error_ns": 9_000 * MS, "t_ns": 1, "kind": "clock", "worker": 0}
    story.conductor.append({**error, "host": "h"})
    found = objective(judged, story, indicator=indicator, window=window, value=value)
    assert found["verdict"] == verdict
    assert ("agree only within 9 s" in found["sentence"]) == (verdict == "unknown")
