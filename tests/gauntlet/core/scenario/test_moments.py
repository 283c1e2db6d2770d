"""Moments: what a scenario may write for `at`, and what it means."""

import pytest

from gauntlet.core.scenario import moments
from gauntlet.core.scenario.model import Fault, Scenario, from_builtins, to_builtins
from gauntlet.core.scenario.moments import (
    AfterEvent,
    FixedTime,
    Progress,
    RandomTime,
    StepOfFault,
    parse,
)

MOMENTS = {
    "15s": (FixedTime(15), 15.0, 15.0, "at 15 s"),
    "between": (RandomTime((5.0, 12.0)), 5.0, 12.0, "between 5 s and 12 s"),
    "acks": (AfterEvent("500 acks", by_s=20.0), 0.0, 20.0, "after 500 acks"),
    "healed": (AfterEvent("k healed", plus_s=2.0), 2.0, 2.0, "after k healed plus 2 s"),
}
WRITTEN = {
    "15s": "15s",
    "between": {"between": ["5s", 12]},
    "acks": {"after": "500 acks", "by": "20s"},
    "healed": {"after": "k healed", "plus": "2s"},
}


@pytest.mark.parametrize("name", MOMENTS)
def test_each_form_is_read(name):
    moment, earliest_s, latest_s, text = MOMENTS[name]
    assert parse(WRITTEN[name]) == moment
    assert type(parse(WRITTEN[name])) is type(moment)
    assert moments.earliest_s(moment) == earliest_s
    assert moments.latest_s(moment) == latest_s
    assert moments.text(moment) == text


@pytest.mark.parametrize("name", MOMENTS)
def test_a_moment_survives_the_conversion_to_plain_data(name):
    fault = Fault(id="f", kind="kill", target="edge", at=MOMENTS[name][0])
    scenario = Scenario(version=1, name="x", about="x", faults=[fault])
    assert from_builtins(to_builtins(scenario)) == scenario


def test_events_are_counters_of_the_load_or_steps_of_faults():
    assert AfterEvent("3 reconnects").event == Progress(3, "reconnects")
    assert AfterEvent("broker-down effective").event == StepOfFault("broker-down", "effective")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("soon", "must be a duration"),
        ({}, "must be a time such as 15s"),
        ({"after": "5 acks", "until": 3}, "must be a time such as 15s"),
        ({"after": "0 acks"}, "must be after a number"),
        ({"after": "-5 acks"}, "must be after a number"),
        ({"after": "500 requests"}, "must be after a number"),
        ({"after": "k begun"}, "must be after a number"),
        ({"after": None}, "must be after a number"),
        ({"after": "5 acks", "by": "late"}, "must be a duration"),
        ({"between": ["9s", "9s"]}, "the earlier one first"),
        ({"between": ["9s"]}, "must be two times"),
        ({"between": "9s"}, "must be two times"),
        ({"between": [1, 2], "by": 3}, "must be a time such as 15s"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(value)
