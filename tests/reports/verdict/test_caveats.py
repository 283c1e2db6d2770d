"""What is wrong with the load stands at the head of every account of the run."""

import io

import pytest
from rich.console import Console

from gauntlet.cli import summary
from gauntlet.core.history import Kind, Miss
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge

from ..histories import good_story
from ..story import MS, RAMP_S


@pytest.fixture
def told(written):
    """A story as report, summary and terminal tell it, and the caveats of its result."""

    def tell(story):
        run = written(story)
        result = judge(run)
        render(run, result)
        out = io.StringIO()
        summary.show(run, result, Console(file=out, width=400), hint=None)
        texts = (run.report.read_text(), run.summary.read_text(), out.getvalue())
        return result["caveats"], texts

    return tell


def test_a_run_as_it_should_be_has_none(told):
    """Nothing is said where there is nothing to say."""
    caveats, texts = told(good_story(1))
    assert caveats == []
    assert not any("enerator-limited" in text or "were missed" in text for text in texts)


def test_a_late_generator_is_named_plainly_everywhere(told):
    """Report, summary and terminal say so at the head, and once, in the self-audit, how late."""
    story = good_story(1)
    story.scenario["sla"] = []
    for index in story.at(Kind.OP)[::20]:
        story.change(index, t_ns=story.records[index].ref_ns + 30 * MS)
    (caveat,), texts = told(story)
    assert caveat.startswith(
        "The run is generator-limited: latency and capacity objectives are not judged"
    )
    for text in texts:
        assert caveat in text
        assert text.count("sends left 30 ms late at p99 (budget 10 ms)") == 1
        assert "lag p99 was" not in text, "the same in other words"


def test_a_closed_loop_is_told_everywhere(told):
    """Its latencies leave waiting out: that is no fault of the load, and no reader may miss it."""
    story = good_story(1)
    story.scenario["load"]["model"] = "closed"
    (caveat,), texts = told(story)
    assert caveat.startswith("The load was a closed loop. ")
    assert "coordinated omission" in caveat
    assert all(text.count(caveat) == 1 for text in texts)


def test_tasks_beside_arrivals_are_a_closed_loop_too(told):
    """How many of the users they drove: the others' latencies are those of an open load."""
    story = good_story(1)
    story.driven = {1, 3}
    (caveat,), _ = told(story)
    assert caveat.startswith("Locust tasks controlled 2 of 8 users in a closed loop. ")


def test_missed_arrivals_are_told_with_their_reasons_everywhere(told):
    """How many, of how many, and why."""
    story = good_story(1)
    for why in (Miss.NOBODY, Miss.NOBODY, Miss.BACKLOG):
        story.miss(RAMP_S + 1, why)
    (caveat,), texts = told(story)
    assert "2 because no user was ready to send, 1 because the worker" in caveat
    for text in texts:
        assert text.count("Arrivals were missed: 3 of ") == 1
