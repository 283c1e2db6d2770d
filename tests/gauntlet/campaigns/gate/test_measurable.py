"""Relative objectives that no run can measure are refused, with their line."""

import pytest

from gauntlet.campaigns.gate import measurable
from gauntlet.campaigns.gate.comparing.decision import Question
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.overrides import sla_file

SUITE = """\
version: 1
scenarios: [mine]
sla:
  - {id: p50, indicator: ack_p50_ms, op: "<", value: +10%, relative_to: baseline}
  - id: x
    indicator: INDICATOR
    op: "<"
    value: +10%
    window: WINDOW
    relative_to: baseline
"""


def scenario(stack="embedded", **changes):
    url = {"url": ["ws://127.0.0.1:1/ws"]} if stack == "external" else {}
    plain = {"version": 1, "name": "mine", "about": "x", "target": {"stack": stack, **url}}
    return from_builtins({**plain, **changes})


def checked(tmp_path, indicator, window, *scenarios, references=()):
    file = tmp_path / "suite.yaml"
    file.write_text(SUITE.replace("INDICATOR", indicator).replace("WINDOW", window))
    sla = sla_file.by_kind(entries(indicator, window), lambda *path: str(path))
    candidates = [Subject(each) for each in scenarios or (scenario(),)]
    measurable.check(sla.relative, candidates, [Subject(each) for each in references], [file])


def entries(indicator, window):
    one = sla_file.Entry("p50", "ack_p50_ms", "<", "+10%", relative_to="baseline")
    return [one, sla_file.Entry("x", indicator, "<", "+10%", window, relative_to="baseline")]


@pytest.mark.parametrize(
    ("indicator", "window"),
    [
        ("stack_cores", "run"),
        ("acked_per_s", "steady"),
        ("ack_p999_ms", "run"),
        ("delivery_p50_ms", "steady"),
    ],
)
def test_what_every_run_measures_is_accepted(tmp_path, indicator, window):
    checked(tmp_path, indicator, window)


@pytest.mark.parametrize(
    ("indicator", "window", "place", "sentence"),
    [
        ("stack_cores", "steady", "suite.yaml:9: sla[1].window", "only measured in 'run'"),
        ("acked_per_s", "run", "suite.yaml:9: sla[1].window", "only measured in 'steady'"),
        ("send_errors_ratio", "run", "suite.yaml:6: sla[1].indicator", "and mine has none"),
        ("delivery_max_ms", "steady", "suite.yaml:6: sla[1].indicator", "and mine has none"),
        ("lag_p99_ms", "steady", "suite.yaml:6: sla[1].indicator", "and mine has none"),
    ],
)
def test_what_no_run_measures_is_refused_with_line_and_key(
    tmp_path, indicator, window, place, sentence
):
    with pytest.raises(ConfigError) as error:
        checked(tmp_path, indicator, window)
    assert place in str(error.value)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("indicator", "elsewhere", "sentence"),
    [
        ("send_errors_ratio", "steady", "mine has none"),
        ("acked_per_s", "fault:k", "and in the window of an absolute objective for it; got"),
    ],
)
def test_an_absolute_objective_makes_runs_measure_its_indicator_in_its_window(
    tmp_path, indicator, elsewhere, sentence
):
    fault = {"id": "k", "kind": "kill", "target": "edge", "at": "5s", "for": "2s"}
    objective = {"id": "e", "indicator": indicator, "op": ">", "value": 0, "window": "run"}
    with_it = scenario(sla=[objective], faults=[fault])
    checked(tmp_path, indicator, "run", with_it)
    with pytest.raises(ConfigError, match=sentence):
        checked(tmp_path, indicator, elsewhere, with_it)


def test_the_cpu_of_a_stack_that_is_not_ours_is_refused_for_either_version(tmp_path):
    with pytest.raises(ConfigError, match=r"sla\[1\].indicator: .* whose stack is external"):
        checked(tmp_path, "stack_cores", "run", scenario("external"))
    with pytest.raises(ConfigError, match="whose stack is external"):
        checked(tmp_path, "stack_cores", "run", references=[scenario("external")])


def test_a_window_that_a_scenario_does_not_have_is_not_asked_of_it(tmp_path):
    fault = {"id": "k", "kind": "kill", "target": "edge", "at": "5s", "for": "2s"}
    objective = {
        "id": "r", "indicator": "recovery_ms", "op": "<", "value": 9e9, "window": "fault:k",
    }  # fmt: skip
    other = scenario(faults=[fault], sla=[objective])
    checked(tmp_path, "recovery_ms", "fault:k", scenario(), other)


def test_the_line_is_that_of_the_file_that_contains_the_objective(tmp_path):
    suite, further = tmp_path / "suite.yaml", tmp_path / "further.yaml"
    suite.write_text(SUITE)
    further.write_text(
        "sla:\n  - {id: x, indicator: lag_p99_ms, op: '<', value: +1%, relative_to: baseline}\n"
    )
    sla = sla_file.read(further)
    with pytest.raises(ConfigError, match=r"further.yaml:2: sla\[0\].indicator"):
        measurable.check(sla.relative, [Subject(scenario())], (), [suite, further])


def test_a_baseline_without_a_figure_that_blocks_is_refused(tmp_path):
    questions = [
        Question("mine", "ack_p50_ms", "steady", 0.1),
        Question("mine", "delivery_p99_ms", "steady", 0.1, severity="warn"),
    ]
    sessions = [{("mine", "ack_p50_ms@steady"): [1.0]}, {}]
    measurable.check_baseline(questions, sessions, tmp_path)
    with pytest.raises(ConfigError, match="measured ack_p50_ms in steady of mine"):
        measurable.check_baseline(questions, sessions[1:], tmp_path)
