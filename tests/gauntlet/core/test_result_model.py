"""The form of result.json: what the judge writes, and what is published."""

import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import MUTATORS
from gauntlet.core import result_model
from gauntlet.core.result_model import Result
from gauntlet.reports.verdict.judge import judge

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests" / "golden" / "histories").glob("*/result.json"))
PUBLISHED = json.loads((ROOT / "docs" / "reference" / "result.schema.json").read_text())


def assert_fits(result):
    """The published schema allows further keys; the model names every key there is."""
    assert [error.message for error in jsonschema_rs.iter_errors(PUBLISHED, result)] == []
    assert isinstance(msgspec.convert(result, Result), Result)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.parent.name)
def test_recorded_results_have_the_published_form(file):
    assert_fits(json.loads(file.read_text()))


def unjudged(story):
    story.reconciliation = {}


def no_change(_story):
    pass


@pytest.mark.parametrize("change", [no_change, unjudged, *list(MUTATORS)[::6]])
def test_results_of_the_judge_have_the_published_form(change, tmp_path):
    story = good_story(2)
    change(story)
    assert_fits(json.loads(json.dumps(judge(story.write(tmp_path / "run")), allow_nan=False)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict", "status"), "green"),
        (("verdict", "exit_code"), 9),
        (("schema_version",), 2),
        (("checks", 0, "verdict"), "maybe"),
        (("latency", "ack", "steady", "p99"), "slow"),
        (("run",), None),
    ],
)
def test_another_form_does_not_fit(path, value):
    result = json.loads(GOLDEN[0].read_text())
    part = result
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert list(jsonschema_rs.iter_errors(PUBLISHED, result))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(result, Result)


def test_the_published_schema_allows_keys_of_later_versions():
    result = json.loads(GOLDEN[0].read_text())
    result["later"] = 1
    result["verdict"]["later"] = 1
    assert jsonschema_rs.is_valid(PUBLISHED, result)


def test_the_published_schema_is_that_of_the_model_and_is_valid():
    assert result_model.schema() == PUBLISHED
    assert jsonschema_rs.meta.is_valid(PUBLISHED)
