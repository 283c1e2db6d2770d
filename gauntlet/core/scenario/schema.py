"""The JSON Schema of scenario files, with which editors complete and explain keys and values.

The structure comes from the model, and the names of plug-ins come from the catalogue.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from gauntlet.core.plugins import NUMBER_MAX, Catalog, Param
from gauntlet.core.scenario import catalog as names
from gauntlet.core.scenario import moments
from gauntlet.core.scenario.capabilities import OUT_OF_TREE, OUT_OF_TREE_PATTERN
from gauntlet.core.scenario.guards import OPERATORS
from gauntlet.core.scenario.model import Duration, Scenario
from gauntlet.core.scenario.moments import Moment

# A name, not an address: where the project is published is not part of the schema.
ID = "urn:im-gauntlet:scenario:1"

_DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
_RATE = r"^[0-9]+(\.[0-9]+)?/(s|m)$"


def build(catalog: Catalog, descriptions: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the schema, in which the plug-ins of `catalog` are the allowed names.

    `descriptions` are the explanations of the keys: by the name of a part of the model, then by
    key.
    """
    schema: dict[str, Any] = msgspec.json.schema(Scenario, schema_hook=_schema_of_number)
    parts = schema["$defs"]
    for structure in parts.values():
        # A docstring of the model, which keeps its indentation before Python 3.13.
        structure["description"] = inspect.cleandoc(structure["description"])
    for part, keys in descriptions.items():
        for key, text in keys.items():
            parts[part]["properties"][key]["description"] = text
    parts["Target"]["properties"]["adapter"] |= {
        "anyOf": [
            _one_of(_meanings(catalog.adapters)),
            {"type": "string", "pattern": OUT_OF_TREE_PATTERN, "description": OUT_OF_TREE},
        ]
    }
    parts["Target"]["properties"]["layout"] |= _one_of(names.LAYOUTS)
    parts["Load"]["properties"]["workload"] |= {
        "propertyNames": _one_of(_meanings(catalog.workloads))
    }
    parts["Fault"]["properties"]["kind"] |= _one_of(_meanings(catalog.faults))
    parts["Fault"]["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind.name}}},
            "then": {"properties": {"params": _params(kind.params)}},
        }
        for kind in catalog.faults.values()
    ]
    parts["Guard"]["properties"]["check"] |= {"enum": [*names.GUARD_CHECKS, None]}
    parts["Guard"]["properties"]["indicator"] |= {"enum": [*names.GUARD_INDICATORS, None]}
    parts["Guard"]["properties"]["op"] |= {"enum": [*OPERATORS, ""]}
    parts["Guard"]["oneOf"] = [
        {"required": ["check"], "properties": {"check": {"type": "string"}}},
        {
            "required": ["indicator", "op", "value"],
            "properties": {"indicator": {"type": "string"}},
        },
    ]
    parts["Objective"]["properties"]["indicator"] |= _one_of(_meanings(catalog.indicators))
    parts["Checks"]["properties"]["required"] |= {"items": _one_of(_meanings(catalog.checks))}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Gauntlet scenario",
        **schema,
    }


def _params(params: Mapping[str, Param]) -> dict[str, Any]:
    return {
        "additionalProperties": False,
        "properties": {
            name: {**_schema_of_param(param), "description": param.about, "default": param.default}
            for name, param in params.items()
        },
    }


def _schema_of_param(param: Param) -> dict[str, Any]:
    match param.kind:
        case "duration":
            return _schema_of_number(Duration)
        case "number":
            return {"type": "number", "minimum": 1, "maximum": NUMBER_MAX}
        case "whole":
            return {"type": "integer", "minimum": 1, "maximum": NUMBER_MAX}
        case "percent":
            least = "minimum" if param.default == 0 else "exclusiveMinimum"
            return {"type": "number", least: 0, "maximum": 100}
        case "flag":
            return {"type": "boolean"}
        case "choice":
            return {"enum": list(param.choices)}
        case "command":
            return {"type": "array", "items": {"type": "string"}, "minItems": 1}
        case "groups":
            members = {"type": "array", "items": {"type": "string"}, "minItems": 1}
            return {"type": "object", "additionalProperties": members, "minProperties": 2}


def _schema_of_number(kind: type) -> dict[str, Any]:
    if kind is Moment:
        return {"anyOf": [*_schema_of_number(Duration)["anyOf"], *_moments()]}
    pattern = _DURATION if kind is Duration else _RATE
    return {"anyOf": [{"type": "string", "pattern": pattern}, {"type": "number", "minimum": 0}]}


def _moments() -> list[dict[str, Any]]:
    """Return the forms of a moment that are mappings."""
    duration = _schema_of_number(Duration)
    between = {"type": "array", "items": duration, "minItems": 2, "maxItems": 2}
    after = {"type": "string", "pattern": moments.EVENT_PATTERN}
    return [
        _mapping({"between": between}, required="between"),
        _mapping({"after": after, "plus": duration, "by": duration}, required="after"),
    ]


def _mapping(properties: dict[str, Any], *, required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [required],
        "properties": properties,
    }


def _meanings(kinds: Mapping[str, Any]) -> dict[str, str]:
    return {name: kind.about for name, kind in kinds.items()}


def _one_of(meanings: Mapping[str, str]) -> dict[str, Any]:
    """Return a choice of names, each with its meaning, which editors show beside the completion."""
    return {"oneOf": [{"const": name, "description": text} for name, text in meanings.items()]}
