"""The guarantee grade: no better than the checks, and no page without its evidence."""

import pytest

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict import guarantees
from gauntlet.reports.verdict.judge import judge

from ..histories import good_story
from ..mutators import lose_the_tail


def body(acted=True, **verdicts):
    """The part of a result that grades are made of; every check not named is valid."""
    named = {name.replace("_", "-"): verdict for name, verdict in verdicts.items()}
    return {
        "checks": [
            {
                "id": name, "verdict": named.get(name, "valid"),
                "sentence": "It.", "witnesses": [],
            }
            for name in catalog.CHECKS
        ],
        "faults": [{"effective_at_ns": 5 if acted else None}],
        "counts": dict.fromkeys(
            ("acked", "ops", "rejected", "unknown", "resynced", "presented", "missing",
             "expected", "users", "connections"), 1
        ),
    }  # fmt: skip


def graded(**facts):
    """The grade of each promise."""
    return {one["aspect"]: one["grade"] for one in guarantees.grades(body(**facts))}


@pytest.mark.parametrize(
    ("facts", "order"),
    [
        ({}, "A"),
        ({"acted": False}, "B"),
        ({"wire_order": "not-applicable"}, "C"),
        ({"wire_order": "unknown"}, "C"),
        ({"wire_order": "not-applicable", "sender_fifo": "invalid"}, "F"),
        (
            dict.fromkeys(
                ("sender_fifo", "wire_order", "position", "divergent_order"), "not-applicable"
            ),
            "–",
        ),
    ],
)
def test_a_grade_is_the_worst_that_its_checks_leave(facts, order):
    """What could not be judged costs the A, a violation costs everything."""
    found = graded(**facts)
    assert found.pop("order") == order
    assert set(found.values()) == {"A" if facts.get("acted", True) else "B"}


@pytest.mark.parametrize(("broken", "loss"), [(False, "–"), (True, "F")])
def test_of_a_history_that_does_not_add_up_only_violations_are_believed(judged, broken, loss):
    """Exit 3 says that the run proves nothing: then no promise is shown to be kept, and why."""
    story = good_story(1)
    if broken:
        lose_the_tail(story)
        story.reconcile()
    story.reconciliation["presented"] += 1
    found = {one["aspect"]: one for one in judged(story)["grades"]}
    assert found.pop("loss")["grade"] == loss
    for one in found.values():
        assert one["grade"] == "–"
        assert one["unjudged"][0].startswith("The history does not reconcile: the load counted")


def test_every_check_bears_on_one_promise():
    """None is left out of the page, none counts twice."""
    names = [name for names in guarantees.ASPECTS.values() for name in names]
    assert sorted(names) == sorted(catalog.CHECKS)


def test_the_page_tells_evidence_and_what_was_not_judged(tmp_path):
    """A reader sees what was lost, by whom, and what the adapter declares."""
    story = good_story(1)
    lose_the_tail(story)
    story.reconcile()
    run = story.write(tmp_path)
    result = judge(run)
    assert "grade.md" in render(run, result)
    page = (run.path / "grade.md").read_text()
    assert "| loss | **F** | violated |" in page
    assert "the audit does not find it" in page
    assert all(f"`{name}`" in page for name in CAPABILITIES)
    assert '<section id="grade">' in run.report.read_text()
