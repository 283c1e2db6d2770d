"""A run that a guard has stopped fails, whatever its history shows."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import ZERO, S
from gauntlet.reports.render import junit

STOP = {
    "t_ns": ZERO + 12 * S,
    "kind": "guard",
    "guard": 1,
    "value": 0.7,
    "message": "guards[1] (send_errors_ratio > 0.5) stopped the load after 12 s: 70.0% failed",
}


@pytest.fixture
def story():
    story = good_story(1)
    errors = {"indicator": "send_errors_ratio", "op": ">", "value": 0.5}
    story.scenario["guards"] = [{"check": "wire-order"}, errors]
    return story


def test_a_run_without_a_stop_names_its_guards_and_passes(story, judged):
    result = judged(story)
    assert result["verdict"]["exit_code"] == 0
    assert [guard["fired"] for guard in result["guards"]] == [False, False]
    assert result["guards"][1]["condition"] == "send_errors_ratio > 0.5"


def test_a_stop_fails_a_run_without_violations_and_is_its_first_reason(story, judged):
    story.conductor = [STOP]
    result = judged(story)
    assert result["verdict"]["status"] == "fail"
    assert result["verdict"]["exit_code"] == 1
    assert result["verdict"]["reasons"] == [f"{STOP['message']}."]
    assert result["guards"] == [
        {
            "condition": "wire-order",
            "fired": False,
            "at_s": None,
            "value": None,
            "sentence": "It did not fire.",
        },
        {
            "condition": "send_errors_ratio > 0.5",
            "fired": True,
            "at_s": 12.0,
            "value": 0.7,
            "sentence": f"{STOP['message']}.",
        },
    ]


def test_junit_has_a_case_for_each_guard(story, judged):
    story.conductor = [STOP]
    text = junit.document(judged(story))
    assert (
        'classname="gauntlet.synthetic.guards" name="guards[0] wire-order" time="0.000" />' in text
    )
    failed = text.split('name="guards[1] send_errors_ratio &gt; 0.5"')[1].split("</testcase>")[0]
    assert "stopped the load after 12 s" in failed
