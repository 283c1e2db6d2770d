"""What is compared without relative objectives, and with them."""

import itertools

import pytest

from gauntlet.campaigns.gate import questions
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.campaigns.gate.suite import Compare
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.core.scenario.overrides.sla_file import Sla

from .test_measurable import scenario

USUAL = ["ack_p50_ms", "delivery_p50_ms", "stack_cores", "delivery_p99_ms"]
STACKS = ("embedded", "external")


@pytest.mark.parametrize(("candidate", "reference"), list(itertools.product(STACKS, STACKS)))
def test_usual_indicators_are_those_that_both_versions_can_measure(candidate, reference):
    asked = questions.collect(
        [Subject(scenario(candidate))], [Subject(scenario(reference))], Compare(), Sla()
    )
    external = "external" in (candidate, reference)
    assert [each.indicator for each in asked] == [
        name for name in USUAL if not (external and name == "stack_cores")
    ]
    assert {each.indicator: each.severity for each in asked}["delivery_p99_ms"] == "warn"


def test_each_scenario_has_the_questions_of_its_own_pair():
    pair = [Subject(scenario()), Subject(scenario(name="other"))]
    references = [Subject(scenario("external")), Subject(scenario(name="other"))]
    asked = questions.collect(pair, references, Compare(), Sla())
    assert [each.scenario for each in asked if each.indicator == "stack_cores"] == ["other"]


def test_a_relative_objective_replaces_the_usual_indicators():
    entry = sla_file.Entry("x", "ack_p90_ms", "<", "+20%", "run", relative_to="baseline")
    (asked,) = questions.collect(
        [Subject(scenario())], (), Compare(), sla_file.by_kind([entry], lambda *path: str(path))
    )
    assert (asked.indicator, asked.window, asked.share) == ("ack_p90_ms", "run", 0.2)
