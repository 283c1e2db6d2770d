"""The scripts draw what the pictures show."""

import json

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.reports.render import interactive
from gauntlet.reports.render.charts import data
from gauntlet.reports.verdict.judge import judge


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return judge(good_story(1).write(tmp_path_factory.mktemp("run")))


def test_every_line_has_a_value_for_each_second(result):
    found = interactive.of_run(data.build(result, {}))
    assert found["x"] == result["series"]["second"]
    names = [[line["name"] for line in chart["lines"]] for chart in found["charts"]]
    assert names == [
        ["sent", "acknowledged", "delivered"],
        ["connections"],
        ["median", "p99", "slowest"],
        ["median", "p99", "slowest"],
    ]
    sizes = {len(line["values"]) for chart in found["charts"] for line in chart["lines"]}
    assert sizes == {len(found["x"])}
    json.dumps(found, allow_nan=False)


def test_components_have_a_chart_for_each_measure_and_a_value_for_each_second(result):
    column = [0.5] * len(result["series"]["second"])
    use = {
        "component_cores": {f"c{number}": column for number in range(7)},
        "database_bytes": {"db": column},
    }
    found = interactive.of_run(data.build(result, {}, use))
    cores, databases = (
        chart for chart in found["charts"] if chart["figure"] == "figure-components"
    )
    assert [line["name"] for line in cores["lines"]] == ["c0", "c1", "c2", "c3", "c4", "2 others"]
    looks = {(line["colour"], *line["dash"]) for line in cores["lines"] + databases["lines"]}
    assert len(looks) == 7
    assert {len(line["values"]) for line in cores["lines"]} == {len(found["x"])}
    json.dumps(found, allow_nan=False)


def test_missed_sends_have_a_line_if_there_are_any(result):
    missed = [1, *result["series"]["missed"][1:]]
    with_missed = {**result, "series": {**result["series"], "missed": missed}}
    (first, *_) = interactive.of_run(data.build(with_missed, {}))["charts"]
    assert [line["name"] for line in first["lines"]][-1] == "missed"


def test_faults_limits_and_violations_are_those_of_the_run(result):
    check = {**result["checks"][0], "witnesses": [{"sentence": "x", "at_s": 9.0}, {"at_s": None}]}
    found = interactive.of_run(data.build({**result, "checks": [check]}, {}))
    (fault,) = result["faults"]
    assert found["faults"] == [
        {
            "id": fault["id"],
            "from": fault["effective_at_s"],
            "to": fault["healed_at_s"],
            "until": fault["recovered_at_s"],
        }
    ]
    assert found["violations"] == [9.0]
    texts = [limit["text"] for limit in found["charts"][3]["limits"]]
    assert texts == ["p99 < 500 ms", "p99 < 5 s"]
    assert found["charts"][0]["limits"] == found["charts"][1]["limits"] == []
