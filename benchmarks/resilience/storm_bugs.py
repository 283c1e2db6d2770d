"""Looks for each seeded bug with storms, up to a budget.

The target and the load are those of the bug's own run in the scorecard; its faults are replaced by
random ones. A storm that fails has found the bug.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.resilience.records import ROOT
from gauntlet.campaigns import record_files
from gauntlet.campaigns.scorecard import live
from gauntlet.campaigns.scorecard.trials import Subject
from gauntlet.campaigns.storm.campaign import Campaign, Record, Storm, with_minutes
from gauntlet.core.scenario.model import from_builtins

BUGS = ROOT / "benchmarks" / "bugs"
BUDGET = 3  # storms for each bug
MINUTES = 0.75

Say = Callable[[str], None]


class Search(NamedTuple):
    """The storms in which a bug was looked for, in their order."""

    bug: str
    storms: tuple[Record, ...]

    @property
    def found(self) -> bool:
        """Whether a storm failed."""
        return any(record.outcome.red for record in self.storms)

    @property
    def is_over(self) -> bool:
        """Whether the bug was found, or the budget is used up."""
        return self.found or len(self.storms) >= BUDGET


def subjects(names: Sequence[str] = ()) -> list[Subject]:
    """Return the seeded bugs; all of them, or those named."""
    # Records are committed: they must not contain the folder in which this machine has a clone.
    folder = Path(os.path.relpath(BUGS))
    return [each for each in live.bugs(folder) if not names or each.name in names]


def storm(subject: Subject, seed: int) -> Storm:
    """Return a storm on the load of a bug; it has only the objectives that need no fault."""
    *given, _, bug = subject.options
    plain: dict[str, Any] = {**(subject.scenario or {}), "faults": []}
    plain["sla"] = [each for each in plain.get("sla") or () if ":" not in each.get("window", "")]
    options = dict(zip(given[::2], given[1::2], strict=True))
    if stack := options.pop("--stack", None):
        plain["target"] = {**plain.get("target", {}), "stack": stack}
    scenario = from_builtins(plain)
    scenario = msgspec.structs.replace(scenario, load=with_minutes(scenario.load, MINUTES))
    return Storm(
        scenario=scenario,
        name=f"bug-{subject.name}",
        seed=seed,
        minutes=MINUTES,
        bug=bug,
        options=tuple(word for pair in options.items() for word in pair),
    )


def searches(file: Path) -> dict[str, Search]:
    """Return what was recorded of each bug; storms without a verdict are no part of the budget."""
    found: dict[str, Search] = {}
    for record in record_files.read(file, Record):
        name = record.scenario.removeprefix("bug-")
        if name != record.scenario and record.outcome.is_verdict:
            earlier = found.get(name, Search(name, ()))
            found[name] = Search(name, (*earlier.storms, record))
    return found


def search_all(chosen: Sequence[Subject], file: Path, out: Path, say: Say) -> Iterator[Search]:
    """Search for each bug that has no result yet; yield the result of each."""
    campaign = Campaign(file, out, attempts=0, say=say)
    for subject in chosen:
        # A storm that ends without a verdict on a busy machine takes another seed.
        for seed in range(1, 2 * BUDGET + 1):
            known = searches(file).get(subject.name, Search(subject.name, ()))
            if known.is_over:
                break
            if seed not in {record.seed for record in known.storms}:
                say(f"{subject.name}: storm {len(known.storms) + 1} of at most {BUDGET}")
                campaign.run(storm(subject, seed))
        yield searches(file).get(subject.name, Search(subject.name, ()))
