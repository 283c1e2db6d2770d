"""Objectives of a file of their own (`--sla FILE`), or of a suite.

An objective is absolute, as in a scenario, or relative to a baseline: `value: +10%` with
`relative_to: baseline`. Only a comparison can judge the latter.
"""

import functools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog, loader, validation
from gauntlet.core.scenario.model import Objective, Operator, Scenario

# Returns the file, the line and the key of a path in a file.
Place = Callable[..., str]

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
    document = loader.read_as(file, "the file of objectives", _File)
    return by_kind(document.content.sla, document.place)


def by_kind(entries: Sequence[Entry], place: Place) -> Sla:
    """Return the objectives that are written under `sla` of a file, by their kind.

    `place` returns the file, the line and the key of a path in that file, for error messages.
    """
    ids = [entry.id for entry in entries]
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise ConfigError(f"{place('sla', index, 'id')} must not occur twice; got {name!r:.60}")
    absolute, relative = [], []
    for index, entry in enumerate(entries):
        here = functools.partial(place, "sla", index)
        if entry.relative_to is None:
            absolute.append(_absolute(entry, here))
        else:
            relative.append(_relative(entry, here))
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


def _absolute(entry: Entry, place: Place) -> Objective:
    if isinstance(entry.value, str) or not math.isfinite(entry.value):
        hint = " (a percentage needs `relative_to: baseline`)" if entry.value != "" else ""
        raise ConfigError(
            f"{place('value')} of {entry.id!r:.60} must be a finite number{hint}; got "
            f"{entry.value!r:.60}"
        )
    if entry.indicator not in catalog.INDICATORS:
        known = ", ".join(catalog.INDICATORS)
        raise ConfigError(
            f"{place('indicator')} of {entry.id!r:.60} must be one of: {known}; got "
            f"{entry.indicator!r:.60}"
        )
    plain = {key: getattr(entry, key) for key in Objective.__struct_fields__}
    return Objective(**plain)


def _relative(entry: Entry, place: Place) -> Relative:
    share = parse_percent(entry.value, f"{place('value')} of {entry.id!r:.60}")
    known = (*catalog.INDICATORS, *COMPARED_ONLY)
    if entry.indicator not in known:
        raise ConfigError(
            f"{place('indicator')} of {entry.id!r:.60} must be one of: {', '.join(known)}; got "
            f"{entry.indicator!r:.60}"
        )
    if entry.min_samples != 1:
        raise ConfigError(
            f"{place('min_samples')} of {entry.id!r:.60} must be left out with `relative_to`: a "
            f"comparison needs runs, and says itself how many; got {entry.min_samples}"
        )
    lower_is_better = entry.op in ("<", "<=")
    worse = share if lower_is_better else -share
    if worse <= 0 or share <= -1:
        example = "+10%" if lower_is_better else "-10%"
        raise ConfigError(
            f"{place('value')} of {entry.id!r:.60} must be how much worse the indicator may get, "
            f"with op {entry.op} such as {example}; got {entry.value!r:.60}"
        )
    return Relative(entry.id, entry.indicator, entry.window, worse, lower_is_better, entry.severity)
