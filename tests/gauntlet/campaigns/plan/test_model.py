"""The form of plan.json, and its published schema."""

import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from gauntlet.campaigns.plan import model
from gauntlet.campaigns.plan.model import Plan

from .example import capacity, unit_cost
from .planned import hostile, planned, with_prices

ROOT = Path(__file__).resolve().parents[4]
PUBLISHED = json.loads((ROOT / "docs" / "reference" / "plan.schema.json").read_text())
FREE = capacity(unit_costs=(unit_cost("edge", "cpu_s", 0.1, {"handshake": 1e-3}, spread=1.0),))


@pytest.mark.parametrize(
    "plan", [planned(), with_prices(), hostile(), planned(zones=1), planned(FREE)]
)
def test_plans_have_the_published_form(plan):
    plain = json.loads(msgspec.json.encode(plan))
    assert jsonschema_rs.is_valid(PUBLISHED, plain), list(
        jsonschema_rs.iter_errors(PUBLISHED, plain)
    )
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_another_form_is_refused():
    plain = json.loads(msgspec.json.encode(planned()))
    assert not jsonschema_rs.is_valid(PUBLISHED, plain | {"nodes": "many"})
    assert not jsonschema_rs.is_valid(PUBLISHED, plain | {"schema_version": 2})


def test_the_published_schema_is_that_of_the_model_and_is_valid():
    assert model.schema() == PUBLISHED
    assert jsonschema_rs.meta.is_valid(PUBLISHED)
