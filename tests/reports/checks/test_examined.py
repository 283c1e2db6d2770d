"""A check that examined too little is unknown, whatever it did not find."""

import dataclasses

import msgspec
import pytest

from gauntlet.core.history import RECORDED, Kind
from gauntlet.reports import checks
from gauntlet.reports.checks.finding import Finding, judge

ALL = sorted(checks.KINDS)


def finding(examined, **more):
    """Return a finding about something."""
    return Finding(examined, "things", "{count} of {examined} {subject} {are} wrong.", **more)


@pytest.mark.parametrize(("examined", "outcome"), [(0, "unknown"), (4, "unknown"), (5, "valid")])
def test_below_the_least_number_a_check_is_unknown(examined, outcome):
    verdict = judge("x", finding(examined), 5)
    assert verdict.outcome == outcome
    if examined == 4:
        assert verdict.sentence == (
            "The run has too few things: 4, and at least 5 are needed for a verdict."
        )


def test_a_violation_among_few_things_is_a_violation():
    assert judge("x", finding(1, count=1), 5).outcome == "invalid"


def test_what_does_not_apply_is_not_unknown():
    assert judge("x", finding(1, not_applicable="No."), 5).outcome == "not-applicable"


@pytest.mark.parametrize("name", ALL)
def test_every_check_demands_its_own_least_number(name, monkeypatch, history, good_story):
    least = checks.KINDS[name].examined_min
    assert least >= 1
    known = history(good_story(1))
    for examined, outcome in ((least - 1, "unknown"), (least, "valid")):
        monkeypatch.setitem(checks.CHECKS, name, lambda _, examined=examined: finding(examined))
        assert checks.run_one(name, known).outcome == outcome


def test_imported_histories_may_be_small(monkeypatch, history, good_story):
    known = history(good_story(1))
    target = msgspec.structs.replace(known.scenario.target, adapter=RECORDED)
    scenario = msgspec.structs.replace(known.scenario, target=target)
    known = dataclasses.replace(known, scenario=scenario)
    monkeypatch.setitem(checks.CHECKS, "lost-acked", lambda _: finding(1))
    assert checks.run_one("lost-acked", known).outcome == "valid"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("duplicate", "No message was presented to anybody."),
        ("phantom", "No user received anything, so only the storage was examined."),
    ],
)
def test_storage_alone_says_nothing_about_deliveries(verdict, good_story, name, sentence):
    story = good_story(1)
    story.drop(story.at(Kind.DELIVER) + story.at(Kind.RECEIVE))
    found = verdict(name, story)
    assert (found.outcome, found.sentence) == ("unknown", sentence)


def test_a_page_with_one_entry_cannot_be_disordered(verdict, good_story):
    story = good_story(1)
    for at in story.at(Kind.PAGE):
        story.change(at, peer=1)
    found = verdict("history-order", story)
    assert (found.outcome, found.examined) == ("not-applicable", 0)
