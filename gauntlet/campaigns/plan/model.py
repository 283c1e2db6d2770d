"""The form of `plan.json`, from which its published JSON Schema is derived."""

import inspect
from typing import Any, Literal

import msgspec

from gauntlet.campaigns.capacity.record import During, Resource, What
from gauntlet.campaigns.plan.figures import Basis, Figure

ID = "urn:im-gauntlet:plan:1"


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the plan."""


class Input(_Part, frozen=True, kw_only=True):
    """An input, and whether it was given or is a default. A range is a list of two numbers."""

    name: str
    label: str
    value: float | str | tuple[float, float] | None
    unit: str
    basis: Basis


class Load(_Part, frozen=True, kw_only=True):
    """The demand at the peak: today, and the highest until the end of the plan (`end`)."""

    label: str
    unit: str
    today: float
    end: float
    measured_to: float | None


class TierPlan(_Part, frozen=True, kw_only=True):
    """A tier: `nodes` are those at the high end of all costs, `needed` shows the interval.

    `decides` is the resource that sets the number, and `after_loss` the busy share of a node while
    a zone is lost, at the end of the plan. `node_load` is how many times the highest load of a
    measured instance a node then has.
    """

    name: str
    node: str
    cores: float
    memory_bytes: float
    nodes: int
    needed: Figure
    decides: Resource
    normal: Figure
    after_loss: Figure | None
    node_load: float
    stateful: bool


class StormPlan(_Part, frozen=True, kw_only=True):
    """The reconnect storm after the loss of a zone, or why there is none.

    `curve` has rows of seconds and the share of clients that are back, for the plotted value.
    """

    why_not: str = ""
    lost: float = 0.0
    survivors: int = 0
    tier: str = ""
    slowest_tier: str = ""
    arrive: Figure | None = None
    served: Figure | None = None
    back: dict[str, Figure] = {}
    attempts_per_client: float | None = None
    curve: list[tuple[float, float]] = []


class Headroom(_Part, frozen=True, kw_only=True):
    """How much more than today the nodes carry, and the day on which that ends."""

    factor: Figure
    ends: Figure


class Line(_Part, frozen=True, kw_only=True):
    """A line of the costs of a month."""

    label: str
    amount: Figure


class Costs(_Part, frozen=True, kw_only=True):
    """What the last month of the plan costs."""

    currency: str
    lines: list[Line]
    total: Figure
    per_thousand_users: Figure
    per_million_deliveries: Figure


class Change(_Part, frozen=True, kw_only=True):
    """How many nodes are needed if one input is changed alone; "inf" if no number suffices."""

    label: str
    unit: str
    lower: float | None
    higher: float | None
    nodes_lower: float | Literal["inf"]
    nodes_higher: float | Literal["inf"]


class Held(_Part, frozen=True, kw_only=True):
    """What `gauntlet capacity` found to be sustainable."""

    record: str
    what: What
    during: During
    low: float | None
    high: float | None
    confidence: float
    repeats: int
    limited_by: str


class Evidence(_Part, frozen=True, kw_only=True):
    """A file that the plan rests on; `runs` are directories and the SHA-256 of their results."""

    file: str
    sha256: str
    about: str
    runs: list[tuple[str, str]] = []


class Plan(_Part, frozen=True, kw_only=True):
    """A capacity plan.

    `nodes` are planned, and `needed` is the interval of what is needed. `extrapolated` is how many
    times the highest measured load the demand is; 0 if a load was not measured at all.
    """

    schema_version: Literal[1] = 1
    created_utc: str
    answer: str
    extrapolated: float
    nodes: int
    needed: Figure
    zones: int
    inputs: list[Input]
    loads: list[Load]
    tiers: list[TierPlan]
    storm: StormPlan
    headroom: Headroom
    costs: Costs | None
    sensitivity: list[Change]
    held: list[Held]
    limits_first: str
    assumptions: list[str]
    not_measured: list[str]
    evidence: list[Evidence]


def schema() -> dict[str, Any]:
    """Return the JSON Schema, which allows further keys."""
    built: dict[str, Any] = msgspec.json.schema(Plan)
    for part in built["$defs"].values():
        if "description" in part:  # a docstring keeps its indentation before Python 3.13
            part["description"] = inspect.cleandoc(part["description"])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "A capacity plan of Gauntlet, plan.json",
    }
    return {**head, **built}
