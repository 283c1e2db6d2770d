"""The JSON Schema: editors complete and check what the loader accepts."""

import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
import yaml

from gauntlet.core.scenario import catalog, model
from gauntlet.scenarios import library

PUBLISHED = json.loads(
    (Path(__file__).parents[4] / "docs" / "reference" / "scenario.schema.json").read_text()
)
GOOD = {
    "version": 1,
    "name": "x",
    "about": "x",
    "faults": [
        {
            "id": "f",
            "kind": "disconnect",
            "target": "client>edge",
            "at": "1s",
            "params": {"percent": 30},
        }
    ],
    "sla": [{"id": "p99", "indicator": "ack_p99_ms", "op": "<", "value": 5}],
}


def part(name):
    return PUBLISHED["$defs"][name]["properties"]


def errors(scenario):
    return [error.message for error in jsonschema_rs.iter_errors(PUBLISHED, scenario)]


def changed(path, value):
    """A copy of the good scenario with another value at a path of keys and indices."""
    scenario = json.loads(json.dumps(GOOD))
    place = scenario
    for step in path[:-1]:
        place = place[step] if isinstance(place, list) else place.setdefault(step, {})
    place[path[-1]] = value
    return scenario


def test_the_schema_has_an_id():
    assert PUBLISHED["$id"] == "urn:im-gauntlet:scenario:1"


@pytest.mark.parametrize("name", library.names())
def test_scenarios_of_the_library_are_valid(name):
    assert errors(yaml.safe_load(library.path(name).read_text())) == []


def test_the_good_scenario_is_valid():
    assert errors(GOOD) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("nme",), "x"),
        (("faults", 0, "kind"), "boom"),
        (("faults", 0, "params", "percent"), 300),
        (("faults", 0, "params", "procent"), 3),
        (("sla", 0, "indicator"), "p99"),
        (("target", "adapter"), "nobody"),
        (("target", "layout"), "heap"),
        (("load", "workload"), {"dirct": 1}),
        (("load", "steady"), "5 s"),
        (("checks", "required"), ["lost"]),
        (("guards",), [{"check": "duplicate"}]),
        (("guards",), [{}]),
        (("guards",), [{"indicator": "ack_p99_ms", "op": "=", "value": 3}]),
    ],
)
def test_what_the_loader_refuses_is_invalid(path, value):
    assert errors(changed(path, value))


def test_an_adapter_of_the_users_package_is_valid():
    assert errors(changed(("target", "adapter"), "acme_im.adapter:Acme")) == []


@pytest.mark.parametrize("name", ["Scenario", "Target", "Load", "Fault", "Guard", "WorkloadShare"])
def test_every_key_is_known_and_explained(name):
    fields = {field.encode_name for field in msgspec.structs.fields(getattr(model, name))}
    assert set(part(name)) == fields
    assert [key for key, schema in part(name).items() if not schema.get("description")] == []


@pytest.mark.parametrize("name", PUBLISHED["$defs"])
def test_descriptions_are_not_indented(name):
    """They are docstrings, whose indentation depends on the version of Python."""
    lines = PUBLISHED["$defs"][name]["description"].splitlines()
    assert lines == [line.strip() for line in lines]


def test_names_of_faults_have_their_descriptions():
    offered = {each["const"]: each["description"] for each in part("Fault")["kind"]["oneOf"]}
    assert offered == {name: kind.about for name, kind in catalog.FAULTS.items()}
