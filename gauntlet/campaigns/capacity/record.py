"""The record of a capacity campaign, `capacity.json`, which `gauntlet plan` reads."""

from pathlib import Path
from typing import Literal

import msgspec

from gauntlet.campaigns import record_files

SCHEMA_VERSION = 1
FILE = "capacity.json"

What = Literal["rate_per_s", "connections"]
During = Literal["steady", "n-1", "reconnect-storm", "cutover"]
Resource = Literal["cpu_s", "memory_bytes", "network_bytes", "database_bytes"]
Regressor = Literal["message", "delivery", "connection", "handshake"]
Outcome = Literal["held", "failed", "refused"]


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the record."""


class Estimate(_Part, frozen=True, kw_only=True):
    """A fitted value with its 95 % interval; the bounds are null if the data allows none."""

    value: float
    low: float | None
    high: float | None


class System(_Part, frozen=True, kw_only=True):
    """The system under test; `labels` are those of the command line, such as its version."""

    adapter: str
    stack: str
    labels: dict[str, str] = {}


class Machine(_Part, frozen=True, kw_only=True):
    """The machine on which the load ran, and on which the stack ran if it was booted."""

    system: str
    python: str
    cores: int | None
    memory_mb: int


class Scenario(_Part, frozen=True, kw_only=True):
    """The scenario whose load was varied, and a digest of its load, faults and system."""

    name: str
    sha256: str


class Objective(_Part, frozen=True, kw_only=True):
    """An objective that a level must keep, beside all required checks."""

    id: str
    indicator: str
    op: Literal["<", "<=", ">", ">="]
    value: float
    window: str


class Run(_Part, frozen=True, kw_only=True):
    """A run that the record rests on: its directory, and the SHA-256 of its result.json."""

    directory: str
    sha256: str


class Trial(_Part, frozen=True, kw_only=True):
    """One run at one level.

    `refused` means that the run proves nothing about the system, for the `reason` given: the
    generator or the machine was the limit, or the run was not judged. `measured` are the rates per
    second of `message`, `delivery` and `handshake`, and the number of each `connection`, in the
    steady window. `use` is what each component used in it, by `component/resource`: cores, bytes of
    memory, and bytes per second. `tiers` are the roles of the components. `step` names a level that
    was run to learn unit costs and not by a search; its outcome does not count for one.
    """

    what: What
    during: During
    level: float
    outcome: Outcome
    reason: str
    run: Run | None
    measured: dict[str, float] = {}
    use: dict[str, float] = {}
    tiers: dict[str, str] = {}
    violated: tuple[str, ...] = ()
    step: str = ""
    exit_code: int = 0


class Sustainable(_Part, frozen=True, kw_only=True):
    """The highest sustainable level.

    `low` is the highest level that held, `high` the lowest one that failed; null if there is none,
    for example because the generator was the limit first. `confidence` is that of the statement
    that a run at `low` holds, and one at `high` fails, more often than not. `repeats` are the
    trials at both bounds. `limited_by` says what failed at `high`, or why there is no `high`.
    """

    what: What
    during: During
    low: float | None
    high: float | None
    confidence: float
    repeats: int
    limited_by: str


class UnitCost(_Part, frozen=True, kw_only=True):
    """What a component uses of one resource: use = fixed + the sum of count × `per`.

    The components of one tier, such as all edges, are fitted together; `instances` is how many ran.
    `fixed` and `per` of `cpu_s` are CPU seconds: per second (cores), and per message, delivery or
    handshake; per connection they are CPU seconds per second. For `memory_bytes` only connections
    are counted. For `network_bytes` and `database_bytes`, the fixed part is bytes per second.
    A regressor that did not vary, or that cannot be told from another, is left out.
    `measured_range` are the lowest and highest values of each regressor: rates per second, and the
    number of connections. `residual` is the root mean square of what the fit leaves unexplained,
    divided by the mean use.
    """

    component: str
    tier: str
    resource: Resource
    fixed: Estimate
    per: dict[Regressor, Estimate]
    instances: int
    levels: int
    measured_range: dict[Regressor, tuple[float, float]]
    residual: float
    source: str = "run directory"


class Limit(_Part, frozen=True, kw_only=True):
    """The component that reaches the end of a resource first.

    `share` is what it used of what it could have (0 to 1), at the `level` of the search of `what`.
    """

    component: str
    resource: str
    share: float
    what: What
    level: float
    sentence: str


class Capacity(_Part, frozen=True, kw_only=True):
    """The content of `capacity.json`."""

    schema_version: Literal[1] = 1
    created_utc: str
    system: System
    machine: Machine
    scenario: Scenario
    sla: tuple[Objective, ...]
    runs: tuple[Run, ...]
    sustainable: tuple[Sustainable, ...]
    unit_costs: tuple[UnitCost, ...]
    limits_first: Limit | None
    not_measured: tuple[str, ...]
    trials: tuple[Trial, ...] = ()


def read(file: Path) -> Capacity:
    """Return the record of a file; ConfigError if it is not one of this version."""
    return record_files.read_whole(
        file,
        Capacity,
        SCHEMA_VERSION,
        "a record of `gauntlet capacity`",
        "Measure the capacity again with this version of Gauntlet",
    )
