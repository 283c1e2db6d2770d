"""Which relative objectives a run can measure at all; the others are refused before the runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gauntlet.campaigns.gate.comparing.decision import Question
from gauntlet.campaigns.gate.comparing.measurements import Sessions
from gauntlet.campaigns.gate.outcome import key
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog, loader, yaml_reader
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.overrides.sla_file import Relative
from gauntlet.reports.metrics.latency import QUANTILES

# What every run measures in one window only; all runs measure latencies in all windows. An absolute
# objective makes them measure its indicator in its own window as well.
_WINDOWS = {"acked_per_s": "steady", "delivered_per_s": "steady", "stack_cores": "run"}
_LATENCIES = frozenset(f"{kind}_{name}_ms" for kind in ("ack", "delivery") for name in QUANTILES)


class Problem(NamedTuple):
    """Why an objective cannot be measured: the key that is wrong, and what it has to be."""

    key: str
    sentence: str


def problem(indicator: str, window: str, scenario: Scenario) -> Problem | None:
    """Return why no run of a scenario has this figure; None if runs have it."""
    if indicator == "stack_cores" and scenario.target.stack == "external":
        return Problem(
            "indicator",
            f"stack_cores cannot be measured in {scenario.name}, whose stack is external: only the "
            "CPU of a stack that Gauntlet boots is known",
        )
    if any((each.indicator, each.window) == (indicator, window) for each in scenario.sla):
        return None
    if (only := _WINDOWS.get(indicator)) is not None:
        if window == only:
            return None
        return Problem("window", _only(indicator, only, window))
    if indicator in _LATENCIES:
        return None
    return Problem(
        "indicator",
        f"{indicator} in {window!r:.60} is only measured for an absolute objective, and "
        f"{scenario.name} has none; add one with the same indicator and window",
    )


def _only(indicator: str, only: str, window: str) -> str:
    sentence = f"{indicator} is only measured in {only!r}"
    if indicator in catalog.INDICATORS:
        sentence += ", and in the window of an absolute objective for it"
    return f"{sentence}; got {window!r:.60}"


def check(
    relative: Sequence[Relative],
    candidates: Sequence[Subject],
    references: Sequence[Subject],
    files: Sequence[Path],
) -> None:
    """Refuse relative objectives that no run of both versions of a scenario can measure.

    `files` contain the objectives: those of a later one replace those of an earlier one.
    """
    for each in relative:
        for subject in (*candidates, *references):
            if each.window not in subject.scenario.windows():
                continue
            found = problem(each.indicator, each.window, subject.scenario)
            if found is not None:
                place = _place(each.id, found.key, files)
                raise ConfigError(f"{place}: {found.sentence}")


def check_baseline(questions: Sequence[Question], sessions: Sessions, folder: Path) -> None:
    """Refuse a baseline without a figure that can block: it would never be decided."""
    for question in questions:
        name = (question.scenario, key(question.indicator, question.window))
        if question.severity == "fail" and not any(name in session for session in sessions):
            raise ConfigError(
                f"no gate of {folder} has measured {question.indicator} in {question.window} of "
                f"{question.scenario}; record the baseline again, or leave the objective out"
            )


def _place(name: str, part: str, files: Sequence[Path]) -> str:
    """Return file, line and key of an objective, which one of the files contains."""
    for file in reversed(files):
        node, plain = yaml_reader.read(file.read_text(encoding="utf-8"), str(file))
        entries = plain.get("sla", ()) if isinstance(plain, dict) else ()
        for index, entry in enumerate(entries):
            if node is not None and entry.get("id") == name:
                line = loader.line_of(node, ("sla", index, part))
                return f"{file}:{line}: sla[{index}].{part}"
    return f"the objective {name!r:.60}"
