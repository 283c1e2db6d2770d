"""What a gate knows of each run, and its outcome: the content of `gate.json`."""

from typing import Literal

import msgspec

from gauntlet.campaigns.gate.comparing import decision
from gauntlet.core.errors import Interrupted

SCHEMA_VERSION = 1
FILE = "gate.json"

Version = Literal["candidate", "reference"]
Status = Literal["pass", "warn", "fail", "inconclusive", "aborted", "error"]


class Case(msgspec.Struct, frozen=True):
    """One check, objective, guard or fault of a run; `anchor` is its place in the run's report."""

    group: Literal["checks", "objectives", "guards", "faults"]
    name: str
    verdict: Literal["valid", "invalid", "unknown", "not-applicable"]
    required: bool
    sentence: str
    anchor: str = ""


class Run(msgspec.Struct, frozen=True):
    """One run of a scenario.

    `values` are its figures by `indicator@window`, none if they cannot be trusted; `unusable` says
    why. A run with `set_aside` was inconclusive and was repeated. `system` is what ran, in words,
    and `sha256` is that of the run's `result.json`.
    """

    scenario: str
    version: Version
    number: int
    exit_code: int
    status: str
    reasons: tuple[str, ...]
    path: str
    started: str
    seconds: float
    cases: tuple[Case, ...] = ()
    values: dict[str, float] = {}
    unusable: str = ""
    set_aside: bool = False
    system: dict[str, str] = {}
    sha256: str = ""


class RunStopped(Interrupted):
    """An interrupt ended a run, which counts: perhaps it could not heal its faults."""

    def __init__(self, run: Run) -> None:
        super().__init__("the gate was interrupted")
        self.run = run


class Comparison(msgspec.Struct, frozen=True):
    """The decision on one indicator of one scenario.

    `ratio` is the value of the candidate divided by that of the reference, with its 95 % bounds.
    """

    scenario: str
    indicator: str
    window: str
    severity: str
    min_effect: float
    lower_is_better: bool
    outcome: decision.Outcome
    count: int
    before: float | None
    after: float | None
    ratio: float | None
    low: float | None
    high: float | None
    p: float | None
    p_corrected: float | None
    sentence: str


class ScoreLine(msgspec.Struct, frozen=True):
    """One line of the resiliency score: what was promised, in how many runs it was kept."""

    scenario: str
    promise: str
    kept: int
    runs: int
    weight: int

    @property
    def points(self) -> float:
        """What the line contributes to the score."""
        return self.weight * self.kept / self.runs if self.runs else 0.0


class Calibrated(msgspec.Struct, frozen=True):
    """What this machine can decide about one indicator, from runs of equal versions."""

    scenario: str
    indicator: str
    window: str
    pairs: int
    noise: float
    false_red: float
    decided: float
    smallest: float | None
    sentence: str


class PastCalibration(msgspec.Struct, frozen=True):
    """What an earlier gate found that this machine can decide."""

    id: str
    started: str
    figures: tuple[Calibrated, ...]


class BaselineGate(msgspec.Struct, frozen=True):
    """An earlier gate of the stored baseline; `sha256` is that of its `gate.json`."""

    id: str
    started: str
    runs: int
    file: str
    sha256: str


class Scenario(msgspec.Struct, frozen=True):
    """A scenario of the gate: its name, and a digest of its load, faults and system."""

    name: str
    digest: str


class Verdict(msgspec.Struct, frozen=True):
    """The status, the exit code, and the reasons, the most serious first."""

    status: Status
    exit_code: int
    reasons: tuple[str, ...]


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `gate.json`.

    The corrected p-value of a regression is below `significant_below`, if anything was compared.
    `baseline` are the gates of a stored baseline that the runs were compared with.
    """

    schema_version: Literal[1] = 1
    id: str
    suite: str
    labels: dict[str, str]
    started: str
    seconds: float
    machine: dict[str, int | str | None]
    mode: Literal["absolute", "against", "baseline", "calibration"]
    verdict: Verdict
    scenarios: tuple[Scenario, ...]
    runs: tuple[Run, ...]
    comparisons: tuple[Comparison, ...] = ()
    score: tuple[ScoreLine, ...] = ()
    calibration: tuple[Calibrated, ...] = ()
    significant_below: float | None = None
    past_calibration: PastCalibration | None = None
    baseline: tuple[BaselineGate, ...] = ()


def key(indicator: str, window: str) -> str:
    """Return the name of a figure in `Run.values`."""
    return f"{indicator}@{window}"
