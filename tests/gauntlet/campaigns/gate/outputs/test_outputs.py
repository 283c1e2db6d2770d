"""What a gate writes: valid, within the limits, and harmless."""

import json
import re
from xml.etree import ElementTree as ET

import msgspec

from gauntlet.campaigns.gate.outcome import Comparison, Gate, Scenario, ScoreLine, Verdict
from gauntlet.campaigns.gate.outputs import benchmark, github, junit, markdown, terminal, writing

from ..example import case, gate, run
from . import hostile

FAILED = Verdict("fail", 1, ("steady, run 1: lost-acked: 1 message.",))


def compared(**changes):
    fields = {
        "scenario": "steady",
        "indicator": "delivery_p50_ms",
        "window": "steady",
        "severity": "fail",
        "min_effect": 0.1,
        "lower_is_better": True,
        "outcome": "regression",
        "count": 5,
        "before": 10.0,
        "after": 12.0,
        "ratio": 1.2,
        "low": 1.1,
        "high": 1.3,
        "p": 0.001,
        "p_corrected": 0.003,
        "sentence": "It got worse.",
    }
    return Comparison(**{**fields, **changes})


def hostile_gate():
    runs = (run(cases=(case(verdict="invalid", sentence=hostile.ALL),), reasons=(hostile.ALL,)),)
    return gate(
        verdict=Verdict("fail", 1, (hostile.ALL,)),
        runs=runs,
        labels={"version": hostile.MARKUP.replace("\n", "")},
        comparisons=(compared(sentence=hostile.ALL),),
    )


def suites(found):
    return ET.fromstring(junit.document(found)).findall("testsuite")


def test_junit_has_a_suite_for_each_scenario_and_one_for_the_gate():
    found = gate(
        scenarios=(Scenario("steady", "a"), Scenario("crash", "b")),
        runs=(run(), run(scenario="crash", cases=(case(verdict="invalid"),), exit_code=1)),
        comparisons=(compared(),),
        verdict=FAILED,
    )
    names = [suite.get("name") for suite in suites(found)]
    assert names == ["gauntlet.steady", "gauntlet.crash", "gauntlet.gate.smoke"]
    cases = [
        (each.get("classname"), each.get("name"))
        for each in ET.fromstring(junit.document(found)).iter("testcase")
    ]
    assert ("gauntlet.steady.checks", "lost-acked") in cases
    assert ("gauntlet.crash.checks", "lost-acked") in cases
    assert ("gauntlet.steady.comparison", "delivery_p50_ms (steady)") in cases
    assert len(cases) == len(set(cases))


def test_junit_has_what_the_common_schema_demands():
    """Attributes, their form, and the order of elements, as in the schema of Ant's task."""
    for index, suite in enumerate(suites(hostile_gate())):
        assert suite.get("id") == str(index)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        for name in ("name", "package", "hostname"):
            assert suite.get(name)
        for name in ("tests", "failures", "errors", "skipped"):
            assert suite.get(name).isdecimal()
        tags = [child.tag for child in suite]
        assert tags[0] == "properties"
        assert tags[-2:] == ["system-out", "system-err"]
        assert set(tags[1:-2]) == {"testcase"}
        for each in suite.iter("testcase"):
            assert each.get("classname")
            assert float(each.get("time")) >= 0
            assert len(each) <= 1
            assert all(child.get("type") or child.tag == "skipped" for child in each)
        assert int(suite.get("tests")) == len(suite.findall("testcase"))


def test_junit_has_times_and_properties():
    suite, whole = suites(gate(runs=(run(seconds=3.5), run(number=2, seconds=4))))
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties["label.version"] == "2.3"
    assert properties["run.2"] == "runs/steady-candidate-2"
    assert (suite.get("time"), whole.get("time")) == ("7.500", "40.000")


def test_repeated_runs_are_one_case_with_the_worst_outcome():
    runs = (run(), run(number=2, cases=(case(verdict="invalid"),)), run(number=3))
    (found,) = [
        e for e in suites(gate(runs=runs))[0].iter("testcase") if e.get("name") == "lost-acked"
    ]
    assert found.find("failure").text == "invalid in 1 of 3 runs"


def test_only_required_cases_fail():
    cases = (case(verdict="invalid", required=False), case("x", "unknown"))
    suite = suites(gate(runs=(run(cases=cases),)))[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "2")


def test_a_warning_never_fails_a_case():
    found = gate(comparisons=(compared(severity="warn"),))
    assert suites(found)[0].get("failures") == "0"
    assert suites(gate(comparisons=(compared(),)))[0].get("failures") == "1"


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


def test_the_score_is_explained_line_by_line():
    lines = (ScoreLine("steady", "all checks", 1, 2, 10), ScoreLine("crash", "recovers", 2, 2, 5))
    text = markdown.summary(gate(score=lines))
    assert "Resiliency score 67 of 100" in text
    assert "| steady | all checks | 1 of 2 runs | 5.0 of 10 |" in text


def test_an_annotation_is_one_line_without_commands_of_a_system():
    (found,) = github.annotations(gate(verdict=Verdict("fail", 1, (hostile.COMMAND,))))
    line = found.command()
    assert "\n" not in line
    assert "\r" not in line
    assert line.count("::error") == 2  # the second one is text of the message
    assert line.startswith("::error title=Gate smoke%3A fail::a%250A")


def test_there_are_at_most_ten_annotations_of_a_kind():
    reasons = tuple(f"reason {at}" for at in range(30))
    found = github.annotations(gate(verdict=Verdict("fail", 1, reasons)))
    assert len(found) == 10
    assert found[-1].message == "and 21 more; see the summary of the job"
    assert (
        github.annotations(gate(verdict=Verdict("fail", 1, reasons[:10])))[-1].message == "reason 9"
    )


def test_the_runner_gets_a_summary_and_outputs_and_others_nothing(tmp_path, capsys):
    files = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    environment = {name: str(file) for name, file in files.items()}
    github.report(gate(verdict=FAILED), tmp_path, environment)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    github.report(gate(verdict=FAILED), tmp_path, {**environment, "GITHUB_ACTIONS": "true"})
    assert capsys.readouterr().out.startswith("::error title=")
    assert "❌ FAIL" in files["GITHUB_STEP_SUMMARY"].read_text()
    assert files["GITHUB_OUTPUT"].read_text().splitlines() == [
        f"directory={tmp_path}",
        "status=fail",
        "exit-code=1",
    ]


def test_inconclusive_is_a_warning_and_a_pass_is_silent():
    found = github.annotations(gate(verdict=Verdict("inconclusive", 5, ("too noisy",))))
    assert [each.kind for each in found] == ["warning"]
    assert github.annotations(gate()) == []


def test_benchmark_rows_are_figures_where_smaller_is_better():
    values = {
        "delivery_p50_ms@steady": 10.0,
        "delivery_p90_ms@steady": 11.0,
        "acked_per_s@steady": 20.0,
        "stack_cores@run": 0.5,
    }
    more = {name: value * 1.2 for name, value in values.items()}
    found = benchmark.rows(gate(runs=(run(values=values), run(number=2, values=more))))
    assert [(row["name"], row["unit"], row["value"]) for row in found] == [
        ("steady: delivery_p50_ms (steady)", "ms", 11.0),
        ("steady: stack_cores (run)", "cores", 0.55),
    ]
    assert found[0]["range"] == "± 1.41"
    assert json.dumps(found, allow_nan=False)


def test_the_result_can_be_read_again(tmp_path):
    made = gate(comparisons=(compared(),), verdict=FAILED)
    writing.write(made, tmp_path)
    assert msgspec.json.decode((tmp_path / "gate.json").read_bytes(), type=Gate) == made
    written = {file.name for file in tmp_path.iterdir()}
    assert written == {"gate.json", "junit.xml", "summary.md", "comment.md", "benchmark.json"}


def test_hostile_texts_are_written_everywhere(tmp_path, capsys):
    found = hostile_gate()
    writing.write(found, tmp_path)
    ET.fromstring((tmp_path / "junit.xml").read_text())
    terminal.show(found)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "lost-acked" not in shown
    assert "FAIL  exit 1" in shown
