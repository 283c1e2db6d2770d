"""The scenario: load, faults, guards and objectives as data. `loader` reads scenario files."""

from typing import Any, Literal

import msgspec

from gauntlet.core import clock
from gauntlet.core.scenario import catalog


class Duration(float):
    """Seconds; written `15s`, `300ms`, `1m30s`."""


class Rate(float):
    """Events per second; written `300/s`, `90/m`."""


class Level(float):
    """Events per second, or none: written `0/s`, `300/s`."""


def _seconds(number: float) -> Any:
    # A factory, because a default of a type of ours cannot be written into the JSON Schema.
    return msgspec.field(default_factory=lambda: Duration(number))


Stack = Literal["embedded", "full", "prosody", "external"]
Operator = Literal["<", "<=", ">", ">="]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all parts share: immutable, and an unknown key is an error."""


class Target(_Part, frozen=True):
    """The system under test."""

    adapter: str = "reference"
    stack: Stack = "embedded"
    layout: str = "default"  # which services share a process: one of catalog.LAYOUTS
    url: list[str] = []
    allow_hosts: list[str] = []
    server: dict[str, int | float | bool | str] = {}


class WorkloadShare(_Part, frozen=True):
    """One workload's weight and its own parameters."""

    weight: float = 1.0
    size: int = 20  # members of a group, or of whatever the workload calls a group
    at: list[Duration] = []  # when users leave, for workloads in which they do
    offline: Duration = _seconds(5)
    sizes: Literal["fixed", "lognormal"] | list[tuple[int, float]] = "fixed"  # or size and weight
    exits: Rate | None = None  # how often each member exits their room, to enter it `offline` later
    percent: float = 50.0


class ConstantProfile(_Part, frozen=True, tag_field="kind", tag="constant"):
    """The load's `rate` at all times."""


class RampProfile(_Part, frozen=True, tag_field="kind", tag="ramp"):
    """The rate goes from one value to another in a straight line, and stays there."""

    from_: Level = msgspec.field(name="from")
    to: Level
    at: Duration | None = None  # the end of the load's ramp if not given
    for_: Duration | None = msgspec.field(name="for", default=None)  # all that is left


class Step(_Part, frozen=True):
    """From `at` on, until the next step, the rate is `rate`."""

    at: Duration
    rate: Level


class StepProfile(_Part, frozen=True, tag_field="kind", tag="step"):
    """The rate jumps at moments of the timeline; before the first step nothing is sent."""

    steps: list[Step]


class SpikeProfile(_Part, frozen=True, tag_field="kind", tag="spike"):
    """The rate is `base`, but `peak` from `at` on, for `for`."""

    base: Level
    peak: Level
    at: Duration
    for_: Duration = msgspec.field(name="for")


class DiurnalProfile(_Part, frozen=True, tag_field="kind", tag="diurnal"):
    """The rate goes from `low` to `high` and back in each `period`, as a day's does: a cosine."""

    low: Level
    high: Level
    period: Duration


class RecordedProfile(_Part, frozen=True, tag_field="kind", tag="recorded"):
    """As a trace has it (`arrival_trace`); its path is relative to the scenario file."""

    file: str


Profile = (
    ConstantProfile | RampProfile | StepProfile | SpikeProfile | DiurnalProfile | RecordedProfile
)


class Load(_Part, frozen=True):
    """Who sends how much.

    `open`: `rate` sends a second over all workers, whatever the system does. `closed`: there are no
    arrivals; Locust tasks send (`gauntlet.locust.IMUser`), each after its last send was answered.
    """

    users: int = 200
    workload: dict[str, float | WorkloadShare] = msgspec.field(
        default_factory=lambda: {"direct": 1.0}
    )
    rate: Rate | None = None  # 1 message a second and user if not given; a profile's mean
    profile: Profile = msgspec.field(default_factory=ConstantProfile)
    arrivals: Literal["constant", "poisson"] = "constant"  # spacing within the profile
    ramp: Duration = _seconds(5)
    steady: Duration = _seconds(30)
    body_bytes: int = 120
    attempt_timeout: Duration = _seconds(3)  # then the same op is tried again
    give_up_after: Duration = _seconds(25)  # from the first attempt; then its outcome is unknown
    queue_max: int = 10_000  # sends that wait in one sender's queue of one conversation
    backlog_max: int = 100_000  # sends under way over all workers; arrivals beyond are missed
    lag_budget_ms: float = 10.0
    model: Literal["open", "closed"] = "open"
    devices: int = 1  # of each user, all of them connected

    @property
    def rate_per_s(self) -> float:
        """Intended sends per second over all workers, where the profile is constant."""
        return float(self.users if self.rate is None else self.rate)

    @property
    def duration_s(self) -> float:
        """The timeline: ramp and steady together."""
        return self.ramp + self.steady

    def shares(self) -> dict[str, WorkloadShare]:
        """Every workload with its weight and parameters spelled out."""
        return {
            name: share if isinstance(share, WorkloadShare) else WorkloadShare(weight=share)
            for name, share in self.workload.items()
        }


class Expect(_Part, frozen=True):
    """What a fault may cost at most."""

    recover_within: Duration | None = None


class Fault(_Part, frozen=True):
    """One disturbance: `at` from the start of the load, for `for`, then healed."""

    id: str
    kind: str
    target: str
    at: Duration
    for_: Duration = msgspec.field(name="for", default_factory=lambda: Duration(0))
    params: dict[str, Any] = {}
    expect: Expect = msgspec.field(default_factory=Expect)

    @property
    def ends_s(self) -> float:
        """When it is to be healed, in seconds from the start of the load."""
        return self.at + self.for_


class Guard(_Part, frozen=True):
    """Ends the run early when a check is violated while it runs."""

    check: str
    action: Literal["abort"] = "abort"


class Objective(_Part, frozen=True):
    """One line of the SLA: an indicator, compared with a value, over a window."""

    id: str
    indicator: str
    op: Operator
    value: float
    window: str = "steady"  # steady, run, fault:<id>, recovery:<id>
    severity: Literal["fail", "warn"] = "fail"
    min_samples: int = 1


class Checks(_Part, frozen=True):
    """Which checks the verdict requires."""

    required: list[str] = msgspec.field(default_factory=lambda: list(catalog.DEFAULT_REQUIRED))


class Scenario(_Part, frozen=True):
    """A whole scenario file, version 1."""

    version: Literal[1]
    name: str
    about: str
    seed: int = 1
    target: Target = Target()
    load: Load = msgspec.field(default_factory=Load)
    faults: list[Fault] = []
    guards: list[Guard] = []
    sla: list[Objective] = []
    checks: Checks = Checks()
    recovery_window: Duration = _seconds(20)
    delivery_deadline: Duration = _seconds(60)

    def windows(self) -> list[str]:
        """Every window an objective may name."""
        bound = [f"{part}:{fault.id}" for fault in self.faults for part in ("fault", "recovery")]
        return ["steady", "run", *bound]


def to_builtins(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain data, for the manifest; durations and rates as numbers."""
    plain: dict[str, Any] = msgspec.to_builtins(scenario, enc_hook=float)
    return plain


def from_builtins(plain: object) -> Scenario:
    """The scenario from plain data; msgspec.ValidationError says what is wrong and where."""
    return msgspec.convert(plain, Scenario, dec_hook=_decode)


def _decode(wanted: type, found: Any) -> Any:
    if wanted is Duration:
        return Duration(clock.parse_duration_s(found))
    if wanted is Rate:
        return Rate(clock.parse_rate_per_s(found))
    if wanted is Level:
        return Level(clock.parse_rate_per_s(found, zero=True))
    raise NotImplementedError(wanted)
