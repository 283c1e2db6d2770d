"""Missed arrivals: counted by their intended time, and reconciled with the load's counts."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import FAULT_S, RAMP_S
from gauntlet.core.history import Kind, Miss


def measured(judged, story, indicator, window="run"):
    """Return an indicator's value, the number of arrivals behind it, and the verdict."""
    story.scenario["sla"] = [
        {"id": "objective", "indicator": indicator, "op": "<=", "value": 0, "window": window}
    ]
    found = judged(story)["objectives"][0]
    return found["value"], found["samples"], found["verdict"]


@pytest.mark.parametrize(("window", "missed"), [("run", 3), ("steady", 1), ("fault:edge-crash", 2)])
def test_a_missed_arrival_counts_in_the_window_of_its_intended_time(judged, window, missed):
    story = good_story(1)
    for at_s in (RAMP_S + 1, FAULT_S + 0.5, FAULT_S + 0.6):
        story.miss(at_s)
    count, intended, verdict = measured(judged, story, "missed_arrivals_count", window)
    assert (count, verdict) == (missed, "invalid")
    ratio, _, _ = measured(judged, story, "missed_arrivals_ratio", window)
    assert ratio == pytest.approx(missed / intended, abs=1e-6)
    if window == "run":
        assert intended == story.reconciliation["intended"] == story.reconciliation["ops"] + 3


def test_without_missed_arrivals_the_count_is_zero_and_not_unknown(judged):
    assert measured(judged, good_story(1), "missed_arrivals_count")[::2] == (0, "valid")


def test_missed_arrivals_appear_in_counts_and_series(judged):
    story = good_story(1)
    story.miss(RAMP_S + 1.5)
    result = judged(story)
    assert result["counts"]["missed"] == 1
    assert result["counts"]["intended"] == result["counts"]["ops"] + 1
    assert (sum(result["series"]["missed"]), result["series"]["missed"][RAMP_S + 1]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "noun"), [("intended", "intended sends"), ("missed", "missed arrivals")]
)
def test_an_arrival_without_a_record_is_a_harness_error(judged, name, noun):
    story = good_story(1)
    story.miss(RAMP_S + 1)
    story.reconciliation[name] += 1
    result = judged(story)
    assert result["verdict"]["exit_code"] == 3
    assert f" {noun}, but its records contain " in result["verdict"]["reasons"][0]


def test_a_reconciliation_of_an_older_version_passes(judged):
    story = good_story(1)
    del story.reconciliation["intended"], story.reconciliation["missed"]
    assert judged(story)["verdict"]["status"] == "pass"


def test_a_missed_arrival_without_a_sender_is_neither_a_failed_op_nor_a_latency(judged):
    usual, story = judged(good_story(1)), good_story(1)
    story.miss(RAMP_S + 1)
    found = judged(story)
    assert found["latency"] == usual["latency"]
    assert found["checks"] == usual["checks"]
    assert story.at(Kind.MISSED)


@pytest.mark.parametrize("reason", [Miss.QUEUE, Miss.BACKLOG])
def test_an_arrival_missed_by_a_full_backlog_is_a_censored_latency(judged, reason):
    """A p99 that reaches these samples meets no bound."""
    story = good_story(1)
    usual = judged(story)["latency"]["ack"]["steady"]
    for at in range(30):
        story.miss(RAMP_S + 1 + at / 100, reason)
    story.scenario["sla"] = [
        {"id": "objective", "indicator": "ack_p99_ms", "op": "<", "value": 1e9}
    ]
    result = judged(story)
    found = result["latency"]["ack"]["steady"]
    assert found["samples"] == usual["samples"] + 30
    assert found["censored"] == usual["censored"] + 30
    assert "p99" in found["at_least"]
    assert result["objectives"][0]["verdict"] == "invalid"
    assert result["latency"]["delivery"] == judged(good_story(1))["latency"]["delivery"]
