"""junit.xml of a gate."""

import re
from xml.etree import ElementTree as ET

from gauntlet.campaigns.gate.outcome import Scenario
from gauntlet.campaigns.gate.outputs import junit

from ..example import case, gate, run
from .example import FAILED, compared, hostile_gate


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
