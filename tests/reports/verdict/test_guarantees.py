"""The guarantee grade is never better than the checks, and has its evidence beside it."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import lose_the_tail
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict import guarantees
from gauntlet.reports.verdict.judge import judge


def body(acted=True, **verdicts):
    """Return the part of a result from which grades are made; other checks are valid."""
    named = {name.replace("_", "-"): verdict for name, verdict in verdicts.items()}
    return {
        "checks": [
            {
                "id": name, "verdict": named.get(name, "valid"),
                "sentence": "A sentence.", "witnesses": [],
            }
            for name in catalog.CHECKS
        ],
        "faults": [{"effective_at_ns": 5 if acted else None}],
        "counts": dict.fromkeys(
            ("acked", "ops", "rejected", "unknown", "resynced", "presented", "missing",
             "expected", "users", "connections", "untried", "handed_over"), 1
        ),
    }  # fmt: skip


def graded(**changes):
    """Return the grade of each guarantee."""
    return {row["aspect"]: row["grade"] for row in guarantees.grades(body(**changes))}


@pytest.mark.parametrize(
    ("changes", "order"),
    [
        ({}, "A"),
        ({"acted": False}, "B"),
        ({"wire_order": "not-applicable"}, "C"),
        ({"wire_order": "unknown"}, "C"),
        ({"wire_order": "not-applicable", "sender_fifo": "invalid"}, "F"),
        (
            {
                name.replace("-", "_"): "not-applicable"
                for name, kind in catalog.CHECKS.items()
                if kind.aspect == "order"
            },
            "–",
        ),
    ],
)
def test_a_grade_follows_from_the_worst_of_its_checks(changes, order):
    found = graded(**changes)
    assert found.pop("order") == order
    assert set(found.values()) == {"A" if changes.get("acted", True) else "B"}


@pytest.mark.parametrize(("broken", "loss"), [(False, "–"), (True, "F")])
def test_only_violations_count_if_the_history_does_not_reconcile(judged, broken, loss):
    story = good_story(1)
    if broken:
        lose_the_tail(story)
        story.reconcile()
    story.reconciliation["presented"] += 1
    found = {row["aspect"]: row for row in judged(story)["grades"]}
    assert found.pop("loss")["grade"] == loss
    for row in found.values():
        assert row["grade"] == "–"
        assert row["unjudged"][0].startswith("The history does not reconcile: the load counted")


def test_every_check_belongs_to_exactly_one_guarantee():
    names = [name for names in guarantees.ASPECTS.values() for name in names]
    assert sorted(names) == sorted(catalog.CHECKS)


def test_grade_md_contains_evidence_and_capabilities(tmp_path):
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
