"""`--set KEY=VALUE`: changes one value of a scenario, such as `load.users=50`.

The key is the path of the value: names of keys, indexes of lists, and ids of faults and objectives,
separated by dots (`faults.crash.for=5s`). The value is YAML.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import secrets, validation, yaml_reader
from gauntlet.core.scenario.model import Scenario, from_builtins, to_builtins


def apply(scenario: Scenario, settings: Iterable[str]) -> Scenario:
    """Return the scenario with these settings; ConfigError if one of them is not possible."""
    changed = scenario
    for setting in settings:
        changed = _with(changed, setting)
    if changed is not scenario:  # all together: one setting may need another
        _refuse_literal_secrets(scenario, changed)
        for problem in validation.problems(changed):
            raise ConfigError(f"with --set, {problem.sentence}")
    return changed


def _refuse_literal_secrets(scenario: Scenario, changed: Scenario) -> None:
    """Refuse secrets among the settings, because files of the run contain the command line."""
    own, now = (secrets.separate(to_builtins(each))[1] for each in (scenario, changed))
    for path, value in now.items():
        if own.get(path) != value:
            raise ConfigError(
                f"--set must not contain a secret itself, and {path} is one; use {{env: NAME}} or "
                "{file: PATH} in its place, or write it into the scenario file"
            )


def _with(scenario: Scenario, setting: str) -> Scenario:
    key, equals, text = setting.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError(f"--set must be KEY=VALUE, such as load.users=50; got {setting!r:.80}")
    _, value = yaml_reader.read(text, f"--set {key:.80}")
    plain = to_builtins(scenario)
    _put(plain, key.split("."), value, key)
    try:
        return from_builtins(plain)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"--set {setting!r:.80} is not possible: {error}") from error


def _put(plain: Any, steps: list[str], value: Any, key: str) -> None:
    """Put the value at a path, whose parents exist, or are created as mappings."""
    step, *rest = steps
    if isinstance(plain, list):
        at = _index(plain, step, key)
        if rest:
            _put(plain[at], rest, value, key)
        else:
            plain[at] = value
        return
    if not isinstance(plain, dict):
        raise ConfigError(
            f"--set {key}: there is nothing below {step!r}'s parent, which is a value"
        )
    if not rest:
        plain[step] = value
        return
    if plain.get(step) is None:
        plain[step] = {}
    _put(plain[step], rest, value, key)


def _index(plain: list[Any], step: str, key: str) -> int:
    """Return the place that an index or an id names in a list."""
    ids = [each.get("id") if isinstance(each, dict) else None for each in plain]
    if step in ids:
        return ids.index(step)
    if step.isascii() and step.isdecimal() and int(step) < len(plain):
        return int(step)
    known = ", ".join(map(str, filter(None, ids))) or f"an index below {len(plain)}"
    raise ConfigError(f"--set {key}: {step!r} must be one of: {known}")
