"""Report, summary and terminal show the caveats of a run."""

import io

import pytest
from rich.console import Console

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import MS, RAMP_S
from gauntlet.cli.running import summary
from gauntlet.core.history import Kind, Miss
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge


@pytest.fixture
def outputs(written):
    """The caveats of a story's result, and the texts of its report, summary and terminal output."""

    def write(story):
        run = written(story)
        result = judge(run)
        render(run, result)
        out = io.StringIO()
        summary.show(run, result, Console(file=out, width=400), hint=None)
        texts = (run.report.read_text(), run.summary.read_text(), out.getvalue())
        return result["caveats"], texts

    return write


def test_a_good_run_has_no_caveats(outputs):
    caveats, texts = outputs(good_story(1))
    assert caveats == []
    assert not any("enerator-limited" in text or "were missed" in text for text in texts)


def test_a_late_generator_is_a_caveat_in_every_output(outputs):
    """Only the self-audit says how late it was."""
    story = good_story(1)
    story.scenario["sla"] = []
    for index in story.at(Kind.OP)[::20]:
        story.change(index, t_ns=story.records[index].ref_ns + 30 * MS)
    (caveat,), texts = outputs(story)
    assert caveat.startswith(
        "The run is generator-limited: latency and capacity objectives are not judged"
    )
    for text in texts:
        assert caveat in text
        assert text.count("sends left 30 ms late at p99 (budget 10 ms)") == 1
        assert "lag p99 was" not in text


def test_a_closed_loop_is_a_caveat_in_every_output(outputs):
    story = good_story(1)
    story.scenario["load"]["model"] = "closed"
    (caveat,), texts = outputs(story)
    assert caveat.startswith("The load was a closed loop. ")
    assert "coordinated omission" in caveat
    assert all(text.count(caveat) == 1 for text in texts)


def test_users_controlled_by_locust_tasks_are_a_closed_loop(outputs):
    story = good_story(1)
    story.driven = {1, 3}
    (caveat,), _ = outputs(story)
    assert caveat.startswith("Locust tasks controlled 2 of 8 users in a closed loop. ")


def test_missed_arrivals_are_a_caveat_with_reasons_in_every_output(outputs):
    story = good_story(1)
    for reason in (Miss.NO_SENDER, Miss.NO_SENDER, Miss.BACKLOG):
        story.miss(RAMP_S + 1, reason)
    (caveat,), texts = outputs(story)
    assert "2 because no user was ready to send, 1 because the worker" in caveat
    for text in texts:
        assert text.count("Arrivals were missed: 3 of ") == 1


def test_a_fault_that_acted_longer_than_configured_is_a_caveat_in_every_output(outputs):
    """The scenario says two seconds."""
    story = good_story(1)
    healed_ns = story.chaos[-1]["t_ns"]
    story.chaos[1]["t_ns"] = healed_ns - 4_500_000_000
    (caveat,), texts = outputs(story)
    assert caveat == (
        "Fault edge-crash acted for 4.5 s, 2.5 s longer than the 2 s of the scenario; its heal "
        "took 0.1 s."
    )
    assert all(text.count(caveat) == 1 for text in texts)
    assert "2.5 s too late" in texts[0]
