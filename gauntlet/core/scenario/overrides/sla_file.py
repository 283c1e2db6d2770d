"""Objectives of a file of their own (`--sla FILE`), or of a suite.

An objective is absolute, as in a scenario, or relative to a baseline: `value: +10%` with
`relative_to: baseline`. Only a comparison can judge the latter.
"""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog, validation, yaml_reader
from gauntlet.core.scenario.model import Objective, Operator, Scenario

_PERCENT = re.compile(r"([+-]?)(\d+(?:\.\d+)?)%")
_PERCENT_MAX = 10_000.0
# What a comparison measures in addition to the indicators of objectives.
COMPARED_ONLY = ("acked_per_s", "delivered_per_s", "stack_cores")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One objective as it is written."""

    id: str
    indicator: str
    op: Operator
    value: float | str
    window: str = "steady"
    severity: Literal["fail", "warn"] = "fail"
    min_samples: int = 1
    relative_to: Literal["baseline"] | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sla: list[Entry]
    version: Literal[1] = 1


class Relative(NamedTuple):
    """An objective on a change: the indicator must not get worse by `share` (0.1 is 10 %) or more.

    With `lower_is_better`, it gets worse by growing.
    """

    id: str
    indicator: str
    window: str
    share: float
    lower_is_better: bool
    severity: str


class Sla(NamedTuple):
    """Objectives of both kinds."""

    absolute: tuple[Objective, ...] = ()
    relative: tuple[Relative, ...] = ()


def read(file: Path) -> Sla:
    """Return the objectives of a file; ConfigError if it is invalid or unreadable."""
    text = yaml_reader.text_of(file, "the file of objectives")
    _, plain = yaml_reader.read(text, str(file))
    try:
        found = msgspec.convert(plain, _File)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {error}") from error
    return sorted_out(found.sla, str(file))


def sorted_out(entries: Sequence[Entry], name: str) -> Sla:
    """Return the objectives that are written in a file called `name`, by their kind."""
    ids = [entry.id for entry in entries]
    if repeated := next((each for each in ids if ids.count(each) > 1), None):
        raise ConfigError(f"{name}: sla contains the id {repeated!r:.60} twice")
    absolute, relative = [], []
    for entry in entries:
        if entry.relative_to is None:
            absolute.append(_absolute(entry, name))
        else:
            relative.append(_relative(entry, name))
    return Sla(tuple(absolute), tuple(relative))


def parse_percent(text: object, name: str) -> float:
    """Return the share that `10%` means; ConfigError if it is no percentage."""
    match = _PERCENT.fullmatch(text) if isinstance(text, str) else None
    if match is None or float(match[2]) > _PERCENT_MAX:
        raise ConfigError(f"{name} must be a percentage such as 10%; got {text!r:.60}")
    return float(match[1] + match[2]) / 100


def with_objectives(scenario: Scenario, objectives: Iterable[Objective]) -> Scenario:
    """Return the scenario with further objectives; one with the same id replaces its own.

    An objective on a window that the scenario does not have is left out.
    """
    windows = scenario.windows()
    added = {each.id: each for each in objectives if each.window in windows}
    kept = [added.pop(each.id, each) for each in scenario.sla]
    changed = msgspec.structs.replace(scenario, sla=[*kept, *added.values()])
    for problem in validation.problems(changed):
        raise ConfigError(f"with these objectives, {problem.sentence}")
    return changed


def _absolute(entry: Entry, name: str) -> Objective:
    if isinstance(entry.value, str) or not math.isfinite(entry.value):
        hint = " (a percentage needs `relative_to: baseline`)" if entry.value != "" else ""
        raise ConfigError(
            f"{name}: the value of {entry.id!r:.60} must be a finite number{hint}; got "
            f"{entry.value!r:.60}"
        )
    if entry.indicator not in catalog.INDICATORS:
        known = ", ".join(catalog.INDICATORS)
        raise ConfigError(
            f"{name}: the indicator of {entry.id!r:.60} must be one of: {known}; got "
            f"{entry.indicator!r:.60}"
        )
    plain = {key: getattr(entry, key) for key in Objective.__struct_fields__}
    return Objective(**plain)


def _relative(entry: Entry, name: str) -> Relative:
    share = parse_percent(entry.value, f"{name}: the value of {entry.id!r:.60}")
    known = (*catalog.INDICATORS, *COMPARED_ONLY)
    if entry.indicator not in known:
        raise ConfigError(
            f"{name}: the indicator of {entry.id!r:.60} must be one of: {', '.join(known)}; got "
            f"{entry.indicator!r:.60}"
        )
    lower_is_better = entry.op in ("<", "<=")
    worse = share if lower_is_better else -share
    if worse <= 0 or share <= -1:
        example = "+10%" if lower_is_better else "-10%"
        raise ConfigError(
            f"{name}: with op {entry.op}, the value of {entry.id!r:.60} must be how much worse "
            f"the indicator may get, such as {example}; got {entry.value!r:.60}"
        )
    return Relative(entry.id, entry.indicator, entry.window, worse, lower_is_better, entry.severity)
