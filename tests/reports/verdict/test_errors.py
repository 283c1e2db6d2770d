"""Errors are in the result, and those that a green verdict must not hide are caveats."""

import io
import json

import pytest
from rich.console import Console

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import BACK_S, FAULT_S, ZERO, S
from gauntlet.cli.running import summary
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge


@pytest.fixture
def judged(written):
    """Judge a good run in which these errors were counted, and return run and result."""

    def judge_with(*errors, story=None):
        run = written(story or good_story(1))
        with (run.events / "load-0.jsonl").open("a") as journal:
            journal.writelines(json.dumps(error) + "\n" for error in errors)
        return run, judge(run)

    return judge_with


def error(concerns, text, *at_s):
    """Return the row of errors that occurred at these seconds of the timeline."""
    times = [ZERO + int(second * S) for second in at_s]
    return {
        "t_ns": times[-1],
        "kind": "error-count",
        "concerns": concerns,
        "text": text,
        "pattern": text,
        "count": len(times),
        "first_ns": times[0],
        "last_ns": times[-1],
        "seconds": [[t_ns // S, 1] for t_ns in times],
    }


def test_a_run_without_errors_has_an_empty_list(judged):
    run, result = judged()
    render(run, result)
    assert result["errors"] == []
    shown = run.report.read_text()
    assert "The most frequent ones of all workers" not in shown
    assert "<h3>Lost connections</h3>" in shown  # those that the fault ended


def test_errors_are_in_result_report_and_terminal(judged):
    rows = [error("http", f"HTTP 50{n}: <busy>", *range(3, 4 + n)) for n in range(7)]
    run, result = judged(*rows)
    assert [found["count"] for found in result["errors"]] == [7, 6, 5, 4, 3, 2, 1]
    assert result["errors"][0] == {
        "concerns": "http",
        "text": "HTTP 506: <busy>",
        "count": 7,
        "first_s": 3.0,
        "last_s": 9.0,
        "workers": [0],
    }
    render(run, result)
    out = io.StringIO()
    summary.show(run, result, Console(file=out, width=200), hint=None)
    for text in (run.report.read_text(), out.getvalue()):
        assert "HTTP 502:" in text
        assert "HTTP 501:" not in text
        assert "2 more" in text
    assert "&lt;busy&gt;" in run.report.read_text()


def test_exceptions_of_the_adapter_are_a_caveat_even_during_a_fault(judged):
    text = "KeyError: 'id' (acme.py:12)"
    _, result = judged(error("adapter", text, FAULT_S + 1, FAULT_S + 1))
    assert result["verdict"]["exit_code"] == 0
    assert result["caveats"] == [f"The adapter raised 2 exceptions; most often: {text}."]


def test_frames_that_were_not_understood_are_a_caveat(judged):
    _, result = judged(error("protocol", "not a frame of this protocol", 5))
    (caveat,) = result["caveats"]
    assert "did not understand" in caveat
    assert "once: not a frame" in caveat


def test_connections_lost_during_a_declared_fault_are_no_caveat(judged):
    _, result = judged(error("close", "closed with 1006", FAULT_S, FAULT_S + 1, BACK_S))
    assert result["errors"][0]["count"] == 3
    assert result["caveats"] == []


def test_connections_lost_outside_of_faults_are_a_caveat(judged):
    _, result = judged(error("close", "closed with 4001 (bye)", FAULT_S + 1, 20, 20))
    (caveat,) = result["caveats"]
    assert caveat == (
        "2 connections of clients were lost outside of the declared faults; most often: closed "
        "with 4001 (bye)."
    )


def test_a_load_of_slow_consumers_expects_to_be_disconnected(judged):
    story = good_story(1)
    story.scenario["load"]["workload"] = {"slow_consumer": {"weight": 1}}
    _, result = judged(error("close", "closed with 4008 (slow)", 20), story=story)
    assert result["caveats"] == []


def test_errors_are_in_a_result_that_cannot_be_judged(judged):
    story = good_story(1)
    story.records.clear()
    story.reconciliation = {}
    _, result = judged(error("adapter", "TypeError: x (acme.py:1)", 1), story=story)
    assert result["verdict"]["exit_code"] == 3
    assert result["errors"][0]["concerns"] == "adapter"


@pytest.mark.parametrize(
    ("times", "raised"),
    [((3,), "1 exception, namely"), ((3, 4), "2 exceptions, most often")],
)
def test_exceptions_of_tasks_fail_the_run(judged, times, raised):
    _, result = judged(error("task", "KeyError: 'a' (x:1)", *times))
    reason = f"task-errors: tasks of Locust users raised {raised} KeyError: 'a' (x:1)."
    assert result["verdict"] == {"status": "fail", "exit_code": 1, "reasons": [reason]}
