"""Pages of a gate: within the limits, and without markup of a system."""

import re

from gauntlet.campaigns.gate.outcome import BaselineGate, ScoreLine, Verdict
from gauntlet.campaigns.gate.outputs import markdown

from ..example import gate, run
from .example import hostile_gate


def test_markdown_contains_no_markup_of_a_system():
    for text in (markdown.summary(hostile_gate()), markdown.comment(hostile_gate())):
        assert "<img" not in text.replace("\\<img", "")
        assert "@team" not in text
        assert "\n## h" not in text
        assert not re.search(r"(?<!\\)\[l", text)
        assert "\x1b" not in text
        assert text.encode()


def test_pages_are_cut_at_their_limits():
    reasons = tuple(f"reason {at}: " + "ä" * 3000 for at in range(2000))
    runs = tuple(run(number=at) for at in range(9))
    lines = tuple(ScoreLine("steady", "ä" * 900, 1, 1, 1) for at in range(2000))
    found = gate(verdict=Verdict("fail", 1, reasons), runs=runs, score=lines)
    for text, most in (
        (markdown.summary(found), markdown.SUMMARY_BYTES_MAX),
        (markdown.comment(found), markdown.COMMENT_BYTES_MAX),
    ):
        assert most / 2 < len(text.encode()) <= most + 1
        assert text.rstrip().endswith("gate.json has all of it.*")


def test_the_comment_can_be_found_again():
    assert markdown.comment(gate()).startswith("<!-- gauntlet gate: smoke -->\n## ✅ PASS")


def test_the_gates_of_a_baseline_are_named_the_newest_last():
    assert "Baseline" not in markdown.summary(gate())
    stored = tuple(
        BaselineGate(f"20261128T09000{at}Z-smoke", "2026-11-28T09:00:00", 4, "x", "ab" * 32)
        for at in range(7)
    )
    text = markdown.summary(gate(baseline=stored))
    assert "Baseline: 20261128T090002Z-smoke (4 runs), " in text
    assert "20261128T090006Z-smoke (4 runs), and 2 earlier gates." in text


def test_the_score_is_explained_line_by_line():
    lines = (ScoreLine("steady", "all checks", 1, 2, 10), ScoreLine("crash", "recovers", 2, 2, 5))
    text = markdown.summary(gate(score=lines))
    assert "Resiliency score 67 of 100" in text
    assert "| steady | all checks | 1 of 2 runs | 5.0 of 10 |" in text
