"""The records of the campaigns: one line of JSON for each run."""

import datetime as dt
import os
from pathlib import Path

import msgspec

from gauntlet.runner.manifest import commit_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "records"
KILLS = FOLDER / "kills.jsonl"
DEATHS = FOLDER / "deaths.jsonl"
STORMS = FOLDER / "storms.jsonl"
ENDURANCE = FOLDER / "endurance.jsonl"
FILES = (KILLS, DEATHS, STORMS, ENDURANCE)


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when something was measured; `load` is the load average per core at the end."""

    commit: str | None
    date: str
    load: float


class KillsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run in which random components were killed and stopped under traffic.

    `disruptions` counts them by action and component. `violations` has the number of each kind of
    violation, and `examples` a sentence about some. `complete` is false if some messages were not
    answered, not delivered or not readable long after the last disruption. `not_restored` are the
    components that were not up by then, or what the server as a whole did not do. `errors` are
    calls of the control API that failed, and `client_errors` clients that ended or could not read.
    """

    stack: str
    seed: int
    bug: str
    seconds: float
    disruptions: dict[str, dict[str, int]]
    acked: int
    refused: int
    unanswered: int
    received: int
    connections: int
    complete: bool
    violations: dict[str, int]
    examples: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    not_restored: tuple[str, ...] = ()
    client_errors: tuple[str, ...] = ()
    evidence: Evidence

    @property
    def count(self) -> int:
        """The number of disruptions."""
        return sum(sum(each.values()) for each in self.disruptions.values())


class DeathRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run whose harness was killed, and what was left before and after `gauntlet recover`.

    `acting` are the kinds of the faults that were requested and not healed at the death.
    """

    scenario: str
    seed: int
    stack: str
    phase: str
    after_s: float
    faults: tuple[str, ...]
    acting: tuple[str, ...]
    before: dict[str, int]
    left: tuple[str, ...]
    recover_code: int
    recover_s: float
    evidence: Evidence


class EnduranceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement of what a server holds for long; `held` says whether it met its limits."""

    name: str
    stack: str
    seconds: float
    figures: dict[str, float]
    held: bool
    failures: tuple[str, ...] = ()
    evidence: Evidence


def evidence() -> Evidence:
    """Return the evidence of a measurement that ends now."""
    return Evidence(
        commit=commit_of(Path(__file__).parent),
        date=dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        load=round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
    )
