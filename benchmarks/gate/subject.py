"""The load of all runs of this benchmark, and what is asked about them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.campaigns.gate import questions as gate_questions
from gauntlet.campaigns.gate.comparing.decision import Question
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.campaigns.gate.suite import Compare
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.overrides import settings
from gauntlet.core.scenario.overrides.sla_file import Sla

NAME = "gate"
SLOW = Path(__file__).with_name("slow_send.py")
# Equal versions have a start-up hook as well: a process with one runs the sources, and without one
# the compiled modules if there are any.
UNCHANGED = Path(__file__).with_name("unchanged.py")
# The indicator that a slower send path changes.
MEASURE = "ack_p50_ms"


def scenario(seed: int = 1) -> dict[str, Any]:
    """Return the scenario of every run, as it is written in a file."""
    return {
        "version": 1,
        "name": NAME,
        "about": "A short load for gates: one-to-one messages and small rooms, no fault.",
        "seed": seed,
        "target": {"adapter": "reference", "stack": "embedded"},
        "load": {
            "users": 20,
            "workload": {"direct": 3, "group": {"weight": 1, "size": 10}},
            "rate": "60/s",
            "ramp": "1s",
            "steady": "6s",
            "lag_budget_ms": 50,
        },
    }


def subject(seed: int, changes: Sequence[str], *, slow: bool = False) -> Subject:
    """Return the version of the scenario to run, with the values that `changes` set."""
    found = settings.apply(from_builtins(scenario(seed)), changes)
    return Subject(found, str(SLOW if slow else UNCHANGED))


def digest(one: Subject, machine: Mapping[str, Any]) -> str:
    """Return a digest of the load, the system and the machine: what makes runs comparable."""
    # The name of the hook, and not where it lies: runs of another checkout are comparable.
    parts = [one._replace(bug=UNCHANGED.name).digest, machine["cores"], machine["memory_mb"]]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def questions(compare: Compare) -> list[Question]:
    """Return what `gauntlet gate` compares by default."""
    return gate_questions.collect([subject(1, ())], (), compare, Sla())


def measure(asked: Sequence[Question]) -> Question:
    """Return the question about the indicator that a slower send path changes."""
    return next(each for each in asked if each.indicator == MEASURE)
