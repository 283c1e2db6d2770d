"""The form of `result.json`, from which its published JSON Schema is derived.

The judge writes plain data; this model is what others can rely on, and tests hold both together.
A duration that never ends is the text "inf", and an unknown value is null. Further keys may be
added without another `schema_version`.
"""

import inspect
from typing import Any, Literal

import msgspec

ID = "urn:im-gauntlet:result:1"

Number = float | Literal["inf"] | None
Outcome = Literal["valid", "invalid", "unknown", "not-applicable"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the result."""


class Run(_Part, frozen=True):
    """Which run it was."""

    id: str
    scenario: str
    about: str
    seed: int
    stack: str
    adapter: str
    capabilities: list[str]
    traits: dict[str, Any]
    bug: str | None
    duration_s: float


class Verdict(_Part, frozen=True):
    """The verdict, with the exit code and the reasons, the most serious first."""

    status: Literal["pass", "warn", "fail", "inconclusive", "aborted", "error"]
    exit_code: Literal[0, 1, 2, 3, 4, 5, 6]
    reasons: list[str]


class Check(_Part, frozen=True):
    """A check, with up to ten violations as witnesses."""

    id: str
    required: bool
    verdict: Outcome
    sentence: str
    examined: int
    count: int
    witnesses: list[dict[str, Any]]


class Objective(_Part, frozen=True):
    """An objective: the value of an indicator in a window, and the limit `target`."""

    id: str
    indicator: str
    window: str
    op: Literal["<", "<=", ">", ">="]
    target: float
    severity: Literal["fail", "warn"]
    verdict: Outcome
    value: Number
    at_least: bool
    samples: int
    sentence: str


class Fault(_Part, frozen=True):
    """A fault: its times, its proof, what it met, and the recovery from it."""

    id: str
    kind: str
    target: str
    requested_at_s: float | None
    effective_at_s: float | None
    healed_at_s: float | None
    recovered_at_s: float | None
    requested_at_ns: int | None
    effective_at_ns: int | None
    healed_at_ns: int | None
    recovered_at_ns: int | None
    acted_s: float | None
    overran_s: float | None
    recovery_ms: Number
    recovery_unknown: str
    proof: Any
    exposed: bool
    exposure: dict[str, int | None] | None
    client_links: dict[str, Any] | None
    failed: str | None
    noticed_at_s: Number = None
    reconnected_at_s: Number = None
    drained_at_s: Number = None
    cost: dict[str, float] | None = None


class Cutover(_Part, frozen=True):
    """A cutover, with the states that it entered, and why it was rolled back if it was."""

    id: str
    steps: list[dict[str, Any]]
    reason: str = ""


class Guard(_Part, frozen=True):
    """A guard, and whether it stopped the load."""

    condition: str
    fired: bool
    sentence: str
    at_s: float | None = None
    value: Number = None


class Window(_Part, frozen=True):
    """A window of the timeline; `without` are the parts that do not belong to it."""

    name: str
    from_s: float | None
    to_s: float | None
    without: list[list[float | None]]
    unknown: str


class ConnectionEnd(_Part, frozen=True):
    """Lost connections that ended in the same way, in steady load and at any other time."""

    text: str
    closed_by: Literal["client", "server"] | None
    code: int
    steady: int
    otherwise: int
    first_at_s: float
    last_at_s: float


class Connections(_Part, frozen=True):
    """Connections that were lost, and that new ones replaced, in steady load.

    `connection_min` is for how many minutes connections were open then, added up.
    """

    lost: int
    moved: int
    connection_min: float
    lost_per_1000_min: float | None
    ends: list[ConnectionEnd]


class Latencies(_Part, frozen=True):
    """The percentiles of a window; those named by `at_least` are lower bounds."""

    p50: Number
    p90: Number
    p95: Number
    p99: Number
    p999: Number
    max: Number
    samples: int
    censored: int
    at_least: list[str]


class HeatMap(_Part, frozen=True):
    """How many latencies there were in each span of time and between each two `edges_ms`.

    Each row of `counts` is `step_s` seconds long, and `never` counts what never happened.
    """

    step_s: int
    edges_ms: list[float]
    counts: list[list[int]]
    never: list[int]


class Grade(_Part, frozen=True):
    """The grade of one promise."""

    aspect: str
    grade: str
    evidence: list[str]
    unjudged: list[str]


class Error(_Part, frozen=True):
    """A kind of error between load and system."""

    concerns: str
    text: str
    count: int
    first_s: float | None
    last_s: float | None
    workers: list[int]


class Worker(_Part, frozen=True):
    """One of several workers of the load."""

    worker: int
    host: str | None
    pid: int | None
    state: str
    sentence: str
    offset_ms: float | None
    error_ms: float | None


class Figure(_Part, frozen=True):
    """A figure of the self-audit."""

    id: str
    unit: str
    typical: float | None
    held: float | None
    worst: float | None
    limit: float | None
    state: str
    blames: str | None
    of: str | None


class SelfAudit(_Part, frozen=True):
    """Whether the numbers can be trusted."""

    status: Literal[
        "trustworthy", "generator-limited", "proxy-limited", "machine-saturated", "not-recorded"
    ]
    limits: list[str]
    sentence: str
    figures: list[Figure]
    seconds: int | None = None


class Result(_Part, frozen=True):
    """The judgement of a run."""

    schema_version: Literal[1]
    run: Run
    verdict: Verdict
    counts: dict[str, int]
    acked_share: dict[str, float | None]
    leftovers: dict[str, int]
    caveats: list[str]
    disturbances: dict[str, float | None]
    checks: list[Check]
    objectives: list[Objective]
    faults: list[Fault]
    cutovers: list[Cutover]
    windows: list[Window]
    latency: dict[str, dict[str, Latencies]]
    series: dict[str, list[Number]]
    grades: list[Grade]
    errors: list[Error]
    guards: list[Guard]
    workers: list[Worker]
    self_audit: SelfAudit
    artifacts: list[str]
    heat_maps: dict[str, HeatMap] = {}
    connections: Connections | None = None


def schema() -> dict[str, Any]:
    """Return the JSON Schema, which allows further keys."""
    built: dict[str, Any] = msgspec.json.schema(Result)
    for part in built["$defs"].values():
        # A docstring keeps its indentation before Python 3.13.
        part["description"] = inspect.cleandoc(part["description"])
        part.pop("additionalProperties", None)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "The judgement of a Gauntlet run, result.json",
    }
    return {**head, **built}
