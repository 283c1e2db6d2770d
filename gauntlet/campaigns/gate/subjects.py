"""The scenarios of a gate as they run: with its objectives and settings, for both versions."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from gauntlet.campaigns.gate.suite import Against, Compare, Suite
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import secrets, validation
from gauntlet.core.scenario.model import Scenario, from_builtins, to_builtins
from gauntlet.core.scenario.overrides import settings, sla_file
from gauntlet.core.scenario.overrides.sla_file import Sla
from gauntlet.scenarios import library
from gauntlet.stacks import installations


class Subject(NamedTuple):
    """One version of a scenario; `bug` is a seeded one of the server.

    `python` is that of the installation whose reference server runs, if it is another one.
    """

    scenario: Scenario
    bug: str = ""
    python: str = ""

    @property
    def name(self) -> str:
        """The name of the scenario."""
        return self.scenario.name

    @property
    def digest(self) -> str:
        """A digest of what a comparison needs to be equal: load, faults, and the system."""
        plain, target = to_builtins(self.scenario), self.scenario.target
        part = {name: plain[name] for name in ("load", "faults")}
        part["target"] = [target.adapter, target.stack, target.layout, self.bug]
        return hashlib.sha256(msgspec.json.encode(part, order="sorted")).hexdigest()[:16]


def candidates(
    suite: Suite, folder: Path, sla: Sla, changes: Sequence[str], bug: str
) -> list[Subject]:
    """Return the version that the gate decides about, of each scenario of the suite."""
    found = []
    for name in suite.scenarios:
        scenario = library.find(name if name in library.names() else str(folder / name))
        scenario = settings.apply(scenario, changes)
        secrets.refuse_literals(to_builtins(scenario), "a gate")
        found.append(Subject(sla_file.with_objectives(scenario, sla.absolute), bug))
    names = [subject.name for subject in found]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"scenarios must have different names; got {repeated} twice")
    check_windows(found, [(each.id, each.window) for each in sla.absolute])
    return found


def check_windows(subjects: Sequence[Subject], wanted: Sequence[tuple[str, str]]) -> None:
    """Refuse an objective whose window no scenario has: it would never be judged."""
    windows = {window for subject in subjects for window in subject.scenario.windows()}
    for name, window in wanted:
        if window not in windows:
            raise ConfigError(
                f"the window of {name!r:.60} must be one of: {', '.join(sorted(windows))}; got "
                f"{window!r:.60}"
            )


def reference(subject: Subject, against: Against) -> Subject:
    """Return the version of a scenario with which the candidate is compared."""
    plain = to_builtins(subject.scenario)
    plain["target"] = {**plain["target"], **against.target}
    try:
        scenario = from_builtins(plain)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"compare.against.target is not possible: {error}") from error
    secrets.refuse_literals(to_builtins(scenario), "a gate")
    for problem in validation.problems(scenario):
        raise ConfigError(f"with compare.against, {problem.sentence}")
    if against.python:
        try:
            installations.check(against.python, scenario.target.stack)
        except ConfigError as error:
            raise ConfigError(f"compare.against.python: {error}") from error
    return Subject(scenario, against.bug, against.python)


def located(against: Against, folder: Path) -> Against:
    """Return the reference with the path of its Python, which may be relative to the suite."""
    if not against.python:
        return against
    # Not resolved: the Python of a virtual environment is a link, and finds it by its own path.
    python = (folder / Path(against.python).expanduser()).absolute()
    return msgspec.structs.replace(against, python=str(python))


def compared(subjects: Sequence[Subject], compare: Compare) -> list[Subject]:
    """Return the scenarios that are compared."""
    names = [subject.name for subject in subjects]
    wanted = names if compare.scenarios is None else compare.scenarios
    if not wanted:
        raise ConfigError("compare.scenarios must name at least one scenario; leave it out for all")
    for name in wanted:
        if name not in names:
            raise ConfigError(
                f"compare.scenarios must be some of: {', '.join(names)}; got {name!r:.60}"
            )
    return [subject for subject in subjects if subject.name in wanted]
