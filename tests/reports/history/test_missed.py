"""Arrivals that became no op: counted where they were intended, held against the load's line."""

import pytest

from gauntlet.core.history import Kind, Miss

from ..histories import good_story
from ..story import FAULT_S, RAMP_S


def measured(judged, story, indicator, window="run"):
    """An indicator's value and the number of arrivals behind it."""
    story.scenario["sla"] = [
        {"id": "it", "indicator": indicator, "op": "<=", "value": 0, "window": window}
    ]
    found = judged(story)["objectives"][0]
    return found["value"], found["samples"], found["verdict"]


@pytest.mark.parametrize(("window", "missed"), [("run", 3), ("steady", 1), ("fault:edge-crash", 2)])
def test_a_missed_arrival_belongs_to_the_window_of_its_intended_time(judged, window, missed):
    """Two in the fault, one long before: counted, a share of all intended, and gateable."""
    story = good_story(1)
    for at_s in (RAMP_S + 1, FAULT_S + 0.5, FAULT_S + 0.6):
        story.miss(at_s)
    count, intended, verdict = measured(judged, story, "missed_arrivals_count", window)
    assert (count, verdict) == (missed, "invalid")
    ratio, _, _ = measured(judged, story, "missed_arrivals_ratio", window)
    assert ratio == pytest.approx(missed / intended, abs=1e-6)
    if window == "run":
        assert intended == story.reconciliation["intended"] == story.reconciliation["ops"] + 3


def test_without_missed_arrivals_the_indicators_are_zero_and_known(judged):
    """Zero of a thousand is a number, not a lack of samples."""
    assert measured(judged, good_story(1), "missed_arrivals_count")[::2] == (0, "valid")


def test_counts_and_series_have_them(judged):
    """The result says how many, and in which second."""
    story = good_story(1)
    story.miss(RAMP_S + 1.5)
    result = judged(story)
    assert result["counts"]["missed"] == 1
    assert result["counts"]["intended"] == result["counts"]["ops"] + 1
    assert (sum(result["series"]["missed"]), result["series"]["missed"][RAMP_S + 1]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "noun"), [("intended", "intended sends"), ("missed", "missed arrivals")]
)
def test_an_arrival_that_vanished_is_the_harness_fault(judged, name, noun):
    """The schedule had one more than the records hold as ops and missed ones."""
    story = good_story(1)
    story.miss(RAMP_S + 1)
    story.reconciliation[name] += 1
    result = judged(story)
    assert result["verdict"]["exit_code"] == 3
    assert f" {noun}, but its records contain " in result["verdict"]["reasons"][0]


def test_a_line_that_is_older_than_the_count_is_judged_as_ever(judged):
    """Runs of before have no word of arrivals, and lose nothing by it."""
    story = good_story(1)
    del story.reconciliation["intended"], story.reconciliation["missed"]
    assert judged(story)["verdict"]["status"] == "pass"


def test_arrivals_without_a_sender_are_no_messages(judged):
    """They are neither ops that failed nor latencies."""
    usual, story = judged(good_story(1)), good_story(1)
    story.miss(RAMP_S + 1)
    found = judged(story)
    assert found["latency"] == usual["latency"]
    assert found["checks"] == usual["checks"]
    assert story.at(Kind.MISSED)


@pytest.mark.parametrize("why", [Miss.QUEUE, Miss.BACKLOG])
def test_a_full_backlog_improves_no_latency(judged, why):
    """What was kept out may have taken for ever: a p99 that reaches it meets no bound."""
    story = good_story(1)
    usual = judged(story)["latency"]["ack"]["steady"]
    for at in range(30):
        story.miss(RAMP_S + 1 + at / 100, why)
    story.scenario["sla"] = [{"id": "it", "indicator": "ack_p99_ms", "op": "<", "value": 1e9}]
    result = judged(story)
    found = result["latency"]["ack"]["steady"]
    assert found["samples"] == usual["samples"] + 30
    assert found["censored"] == usual["censored"] + 30
    assert "p99" in found["at_least"]
    assert result["objectives"][0]["verdict"] == "invalid"
    assert result["latency"]["delivery"] == judged(good_story(1))["latency"]["delivery"]
