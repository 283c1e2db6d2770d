"""The scenario as data: target, load, faults, guards, objectives. `loader` reads scenario files."""

from typing import Any, Literal

import msgspec

from gauntlet.core import clock
from gauntlet.core.scenario import catalog, moments
from gauntlet.core.scenario.moments import Moment
from gauntlet.core.scenario.secrets import Secret


class Duration(float):
    """A duration in seconds; written `15s`, `300ms`, `1m30s`."""


class Rate(float):
    """A rate above zero, in events per second; written `300/s`, `90/m`."""


class Level(float):
    """A rate in a profile, in events per second, which may be zero; written `0/s`, `300/s`."""


def _seconds(number: float) -> Any:
    # A factory, because msgspec cannot write a default of the type Duration into the JSON Schema.
    return msgspec.field(default_factory=lambda: Duration(number))


Stack = Literal[
    "embedded",
    "full",
    "prosody",
    "mosquitto",
    "nats",
    "ejabberd",
    "centrifugo",
    "socketio",
    "synapse",
    "external",
]
Operator = Literal["<", "<=", ">", ">="]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The base of all parts of a scenario: immutable, and an unknown key is an error."""


class Tls(_Part, frozen=True):
    """How clients use TLS, where the target's addresses begin with https or wss.

    File names are relative to the scenario file.
    """

    ca: str | None = None  # PEM certificates to trust; default: those of the system
    cert: str | None = None  # the client's own certificate
    key: str | None = None  # its key, if it is not in the same file
    server_name: str | None = None  # the name to expect; default: the host of the address
    insecure: bool = False  # accept any certificate; the report says so


class TargetLimits(_Part, frozen=True):
    """The most that the load may put on the target; None means that there is no limit."""

    users: int | None = None
    rate: Rate | None = None  # sends per second at the peak of the load, surges included


class Target(_Part, frozen=True):
    """The system under test."""

    adapter: str = "reference"
    stack: Stack = "embedded"
    layout: str = "default"  # which services share a process: one of catalog.LAYOUTS
    url: list[str] = []
    edges: list[str] = []  # further addresses to which the answers of the system send clients
    allow_hosts: list[str] = []
    limits: TargetLimits | None = None
    toxiproxy: str | None = None  # the API of a Toxiproxy that already runs
    server: dict[str, int | float | bool | str | Secret] = {}
    tls: Tls = Tls()
    headers: dict[str, str | Secret] = {}  # of every handshake and request


class Accounts(_Part, frozen=True):
    """Who the users log in as: names by a pattern, or the rows of a file."""

    pattern: str = ""  # fields: {n}, the number of the account from 1, and {run}, the run's tag
    file: str = ""  # CSV or JSON lines; the loader makes it absolute
    columns: dict[str, str] = {}  # the file's columns of name, password and token
    password: str | Secret = ""  # of all accounts, unless the file has its own
    token: str | Secret = ""
    sign_up: bool = False  # whether the adapter creates the accounts first


class WorkloadShare(_Part, frozen=True):
    """The share of one workload: its weight and its parameters."""

    weight: float = 1.0
    size: int = 20  # members of each conversation, for workloads that have a size
    at: list[Duration] = []  # when users go offline, for workloads in which they do
    offline: Duration = _seconds(5)  # how long they stay offline, or out of their room
    # How sizes are distributed; a list contains pairs of a size and its weight.
    sizes: Literal["fixed", "lognormal"] | list[tuple[int, float]] = "fixed"
    exits: Rate | None = None  # how often each member exits the room, to enter it `offline` later
    # How often each member is removed, to be added `offline` later; 6/m where nothing is given.
    removals: Rate | None = None
    percent: float = 50.0  # the percentage of users who go offline


class ConstantProfile(_Part, frozen=True, tag_field="kind", tag="constant"):
    """The rate is `load.rate` at all times."""


class RampProfile(_Part, frozen=True, tag_field="kind", tag="ramp"):
    """The rate changes linearly from one value to another and then stays constant."""

    from_: Level = msgspec.field(name="from")
    to: Level
    at: Duration | None = None  # default: the end of `load.ramp`
    for_: Duration | None = msgspec.field(name="for", default=None)  # default: the rest of the load


class Step(_Part, frozen=True):
    """The rate from `at` until the next step."""

    at: Duration
    rate: Level


class StepProfile(_Part, frozen=True, tag_field="kind", tag="step"):
    """The rate changes at given times; nothing is sent before the first step."""

    steps: list[Step]


class SpikeProfile(_Part, frozen=True, tag_field="kind", tag="spike"):
    """The rate is `base`, except for the duration `for` from `at`, in which it is `peak`."""

    base: Level
    peak: Level
    at: Duration
    for_: Duration = msgspec.field(name="for")


class DiurnalProfile(_Part, frozen=True, tag_field="kind", tag="diurnal"):
    """The rate varies between `low` and `high` in each `period`, as over a day: a cosine."""

    low: Level
    high: Level
    period: Duration


class RecordedProfile(_Part, frozen=True, tag_field="kind", tag="recorded"):
    """The arrivals are those of a trace; its path is relative to the scenario file."""

    file: str  # the loader makes it absolute


Profile = (
    ConstantProfile | RampProfile | StepProfile | SpikeProfile | DiurnalProfile | RecordedProfile
)


class Bodies(_Part, frozen=True):
    """What the bodies of the load's messages consist of.

    `realistic` texts have many lengths, up to `max_bytes`, and scripts; `fixed` ones have `bytes`
    ASCII characters, so that benchmarks are comparable.
    """

    kind: Literal["realistic", "fixed"] = "realistic"
    max_bytes: int | None = None  # of realistic ones; default: what the adapter can carry
    fixed_bytes: int | None = msgspec.field(default=None, name="bytes")  # default: 120


FIXED_BODY_BYTES = 120
REMOVALS_PER_S = 0.1  # of each member, in the workload member_changes


# After the load, so long at most it is waited for what has not been answered or delivered.
QUIESCE_MAX_S = 30.0


class Load(_Part, frozen=True):
    """The users, what they send, and how often.

    The model `open` sends at `rate` over all workers, however slow the system is. The model
    `closed` has no arrivals: Locust tasks send (`gauntlet.locust.IMUser`), each when its previous
    send has an outcome.
    """

    users: int = 200
    workload: dict[str, float | WorkloadShare] = msgspec.field(
        default_factory=lambda: {"direct": 1.0}
    )
    # The mean rate of the profile; by default one message per user and second, or, for all profiles
    # but the constant one, the rates that the profile itself contains.
    rate: Rate | None = None
    profile: Profile = msgspec.field(default_factory=ConstantProfile)
    arrivals: Literal["constant", "poisson"] = "constant"  # the distribution of intervals
    ramp: Duration = _seconds(5)
    steady: Duration = _seconds(30)
    bodies: Bodies = Bodies()
    body_bytes: int | None = None  # the short form of `bodies: {kind: fixed, bytes: ...}`
    attempt_timeout: Duration = _seconds(3)  # then the op is retried
    give_up_after: Duration = _seconds(25)  # after the first attempt; the outcome is then unknown
    queue_max: int = 10_000  # sends that wait in one sender's queue for one conversation
    backlog_max: int = 100_000  # sends in progress over all workers; further arrivals are missed
    lag_budget_ms: float = 10.0
    acked_floor: float = 0.99  # of the ops outside of faults and recoveries; below it a run fails
    model: Literal["open", "closed"] = "open"
    devices: int = 1  # connected devices of each user
    strangers: bool = True  # whether some users try to use conversations of others
    # How clients connect, where the adapter can use several transports; default: its usual one.
    transport: Literal["websocket", "long-poll", "sse", "tcp"] | None = None

    @property
    def rate_per_s(self) -> float:
        """Intended sends per second over all workers if the profile is constant."""
        return float(self.users if self.rate is None else self.rate)

    @property
    def fixed_body_bytes(self) -> int | None:
        """The size of every body; None if bodies are realistic, with many sizes."""
        if self.body_bytes is not None:
            return self.body_bytes
        return (
            (self.bodies.fixed_bytes or FIXED_BODY_BYTES) if self.bodies.kind == "fixed" else None
        )

    @property
    def duration_s(self) -> float:
        """The duration of the timeline: `ramp` and `steady`."""
        return self.ramp + self.steady

    def shares(self) -> dict[str, WorkloadShare]:
        """Return every workload's share; a bare weight becomes a share with default parameters."""
        return {
            name: share if isinstance(share, WorkloadShare) else WorkloadShare(weight=share)
            for name, share in self.workload.items()
        }


class Expect(_Part, frozen=True):
    """The limits that the effect of a fault must not exceed."""

    recover_within: Duration | None = None


class Repeat(_Part, frozen=True, kw_only=True):
    """Repeats a fault: `times` occurrences, each `every` after the begin of the one before."""

    every: Duration
    times: int


class Fault(_Part, frozen=True, kw_only=True):
    """A fault: injected at `at`, counted from the start of the ramp, and healed `for` later.

    `fault_schedule.resolve` makes one fault of each repetition.
    """

    id: str
    kind: str
    target: str = ""  # required by all kinds that act through a stack or a link
    at: Moment
    for_: Duration = msgspec.field(name="for", default_factory=lambda: Duration(0))
    params: dict[str, Any] = {}
    repeat: Repeat | None = None
    expect: Expect = msgspec.field(default_factory=Expect)

    @property
    def begins_s(self) -> float:
        """When the fault begins at the earliest, in seconds from the start of the ramp."""
        return moments.earliest_s(self.at)

    @property
    def ends_s(self) -> float:
        """When the fault is healed at the latest, in seconds from the start of the ramp."""
        return moments.latest_s(self.at) + self.for_


class Guard(_Part, frozen=True, kw_only=True):
    """Ends the load early: on a suspected violation of `check`, or on a value of `indicator`."""

    check: str | None = None
    indicator: str | None = None
    op: str = ""  # an Operator, of a guard with `indicator`
    value: float | None = None
    older_than: Duration | None = None  # of the checks that wait for messages
    for_: Duration = msgspec.field(name="for", default_factory=lambda: Duration(0))
    delay: Duration = msgspec.field(default_factory=lambda: Duration(0))
    suspend: Literal["auto", "never", "faults", "recovery"] = "auto"
    min_samples: int = 1
    action: Literal["stop", "abort"] = "stop"  # two names of the same

    @property
    def name(self) -> str:
        """What is watched: the name of a check or of an indicator."""
        return self.check or self.indicator or ""


class Objective(_Part, frozen=True):
    """One objective of the SLA: an indicator over a window, compared with a value."""

    id: str
    indicator: str
    op: Operator
    value: float
    window: str = "steady"  # one of Scenario.windows()
    severity: Literal["fail", "warn"] = "fail"
    min_samples: int = 1


class Checks(_Part, frozen=True):
    """The checks that the verdict requires."""

    required: list[str] = msgspec.field(default_factory=lambda: list(catalog.DEFAULT_REQUIRED))


class Scenario(_Part, frozen=True):
    """The content of a scenario file, version 1."""

    version: Literal[1]
    name: str
    about: str
    seed: int = 1
    target: Target = Target()
    accounts: Accounts | None = None  # default: the names `u<worker>-<slot>`, without passwords
    load: Load = msgspec.field(default_factory=Load)
    faults: list[Fault] = []
    guards: list[Guard] = []
    sla: list[Objective] = []
    checks: Checks = Checks()
    recovery_window: Duration = _seconds(20)
    delivery_deadline: Duration = _seconds(60)
    clock_tolerance: Duration = _seconds(2)

    def windows(self) -> list[str]:
        """Return the names of all windows to which an objective can apply."""
        of_faults = [
            f"{part}:{fault.id}" for fault in self.faults for part in ("fault", "recovery")
        ]
        return ["steady", "run", *of_faults]


def to_builtins(scenario: Scenario) -> dict[str, Any]:
    """Return the scenario as plain data, with durations in seconds and rates per second."""
    plain: dict[str, Any] = msgspec.to_builtins(scenario, enc_hook=float)
    return plain


def from_builtins(plain: object) -> Scenario:
    """Return the scenario that plain data describes; msgspec.ValidationError if it is invalid."""
    return msgspec.convert(plain, Scenario, dec_hook=_decode)


def _decode(kind: type, value: Any) -> Any:
    """Convert a value to one of the types that msgspec does not know; ValueError ("must be …")."""
    if kind is Duration:
        return Duration(clock.parse_duration_s(value))
    if kind is Rate:
        return Rate(clock.parse_rate_per_s(value))
    if kind is Level:
        return Level(clock.parse_rate_per_s(value, zero=True))
    if kind is Moment:
        return moments.parse(value)
    raise NotImplementedError(kind)
