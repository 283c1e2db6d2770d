"""Objectives are met, missed, or unknown."""

import re

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import lose_the_tail, refuse_a_user
from gauntlet.campaigns.synthetic.story import FAULT_S, HEAL_S, MS, RAMP_S, STEADY_S, ZERO, S
from gauntlet.core.history import Kind
from gauntlet.core.scenario import catalog
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.indicators import INDICATORS, NEED_PUNCTUAL_SENDS


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


def saturate(story, share=1.0, *, seconds=STEADY_S):
    """Let the whole machine be busy during some seconds of the load."""
    for second in range(STEADY_S + 1):
        busy = share if second <= seconds else 0.5
        row = {"kind": "vitals", "machine_cpu_share": busy, "cpus": 2, "cores": CORES}
        story.conductor.append({"t_ns": ZERO + (RAMP_S + 1 + second) * S, **row})


CORES = {"load": 0.2, "stack": 0.8, "conductor": 0.1}


@pytest.mark.parametrize("value", [0.001, 1e9])
def test_on_a_saturated_machine_latencies_are_unknown_whether_met_or_violated(judged, value):
    story = good_story(1)
    saturate(story)
    for indicator in ("delivery_p99_ms", "ack_p50_ms", "acked_per_s"):
        found = objective(judged, story, indicator=indicator, value=value)
        assert found["verdict"] == "unknown"
        assert "(machine-saturated)" in found["sentence"]
    assert objective(judged, story, indicator="send_errors_ratio", value=1)["verdict"] == "valid"


def test_a_saturated_machine_excuses_no_violated_check(judged):
    story = good_story(1)
    lose_the_tail(story)
    story.reconcile()
    saturate(story)
    result = judged(story)
    assert result["self_audit"]["status"] == "machine-saturated"
    assert result["caveats"][0].startswith("The run is machine-saturated")
    assert result["verdict"]["exit_code"] == 1


@pytest.mark.parametrize(("seconds", "verdict"), [(10, "valid"), (14, "unknown")])
def test_a_machine_is_saturated_if_it_is_busy_most_of_the_time(judged, seconds, verdict):
    """Processes that start again after a fault use every core for some seconds."""
    story = good_story(1)
    saturate(story, seconds=seconds)
    assert objective(judged, story, indicator="delivery_p99_ms")["verdict"] == verdict


def test_the_objectives_and_the_self_audit_share_one_definition(judged):
    """Sends were punctual, but the engine had no time left."""
    story = good_story(1)
    row = {"worker": 0, "engine_cpu_share": 0.99, "process_cpu_share": 0.5, "descriptors": 9}
    row |= {"loop_lag_p99_ms": 1, "loop_lag_max_ms": 1, "gc_pause_max_ms": 0, "rss_bytes": 1}
    row |= {"descriptors_max": 999, "machine_cpu_share": 0.5, "users": 8}
    story.live = [{"t_ns": ZERO + (RAMP_S + 1 + s) * S, **row} for s in range(STEADY_S)]
    assert objective(judged, story, indicator="ack_p50_ms")["verdict"] == "unknown"
    assert judged(story)["self_audit"]["status"] == "generator-limited"


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


@pytest.mark.parametrize(
    ("quantile", "needed"), [(0.5, 2), (0.9, 10), (0.95, 20), (0.99, 100), (0.999, 1_000), (1, 1)]
)
def test_a_percentile_needs_a_sample_beyond_it(quantile, needed):
    assert latency.samples_min(quantile) == needed


def test_a_percentile_of_too_few_samples_is_unknown(judged):
    """The run has fewer than 1,000 deliveries, so their p99.9 is only their maximum."""
    story = good_story(4, rate=8)
    story.scenario["sla"] = [{"id": "p", "indicator": "delivery_p999_ms", "op": "<", "value": 500}]
    result = judged(story)
    (found,) = result["objectives"]
    assert found["verdict"] == "unknown"
    assert "the percentile needs at least 1,000 samples, and there are" in found["sentence"]
    assert result["verdict"]["exit_code"] == 5


def in_fault(**more):
    """Return an objective for the tail of the latencies in the window of the story's fault."""
    known = {"id": "tail", "indicator": "ack_p999_ms", "op": "<", "window": "fault:edge-crash"}
    return {**known, "value": 500, **more}


def test_a_fault_too_short_for_a_percentile_is_a_caveat_and_no_reason(judged):
    story = good_story(1)
    story.scenario["sla"] = [in_fault()]
    result = judged(story)
    assert result["objectives"][0]["verdict"] == "unknown"
    assert result["verdict"] == {"status": "pass", "exit_code": 0, "reasons": []}
    assert any("too few samples for a percentile: tail." in text for text in result["caveats"])


def test_a_scenario_can_require_the_samples(judged):
    story = good_story(1)
    story.scenario["sla"] = [in_fault(min_samples=1_000)]
    result = judged(story)
    assert result["verdict"]["exit_code"] == 5
    assert not any("too few samples" in text for text in result["caveats"])


def test_a_fault_without_any_sample_leaves_the_run_inconclusive(judged):
    story = good_story(1)
    story.scenario["sla"] = [in_fault()]
    story.chaos[1]["t_ns"] = story.chaos[2]["t_ns"] = story.chaos[3]["t_ns"]
    assert judged(story)["verdict"]["exit_code"] == 5


@pytest.mark.parametrize(("slow", "verdict"), [(1, "unknown"), (2, "invalid")])
def test_two_slow_messages_violate_a_percentile_one_may_be_chance(judged, slow, verdict):
    story = good_story(1)
    acks = [
        at
        for at in story.at(Kind.ACK)
        if FAULT_S * S + 100 * MS < story.records[at].ref_ns - ZERO < (HEAL_S - 1) * S
    ]
    for at in acks[:slow]:
        story.change(at, t_ns=story.records[at].ref_ns + 800 * MS)
    story.scenario["sla"] = [in_fault()]
    assert judged(story)["objectives"][0]["verdict"] == verdict
