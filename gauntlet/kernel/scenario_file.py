"""Reads scenario files. An error names file, line, key, what was found and what is allowed."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gauntlet.kernel import clock, ids, vocabulary
from gauntlet.kernel.errors import ConfigError
from gauntlet.kernel.scenario import Fault, Scenario, from_builtins

_PATH = re.compile(r"(.*?) - at `(?:key in )?(\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")

Problem = tuple[tuple[str | int, ...], str, str]  # path, what was found, what is allowed


def load(file: Path) -> Scenario:
    """The scenario of a file, checked as far as it can be without starting anything."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file}: cannot be read: {error}"
        raise ConfigError(msg) from error
    return parse(text, str(file))


def parse(text: str, name: str) -> Scenario:
    """The scenario of a YAML text; `name` stands for the file in errors."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        msg = f"{name}{line}: not YAML: {getattr(error, 'problem', error)}"
        raise ConfigError(msg) from error
    if not isinstance(plain, dict):
        msg = f"{name}:1: found {_shown(plain)}; allowed: a mapping with version, name, about …"
        raise ConfigError(msg)
    try:
        scenario = from_builtins(plain)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(_located(str(error), name, node, plain)) from error
    for path, found, allowed in problems(scenario):
        raise ConfigError(_sentence(name, node, path, found, allowed))
    return scenario


def problems(scenario: Scenario) -> Iterator[Problem]:
    """What types cannot say: names that must exist, times that must fit."""
    yield from _scenario_problems(scenario)
    for index, fault in enumerate(scenario.faults):
        for path, found, allowed in _fault_problems(fault, scenario.load.duration_s):
            yield ("faults", index, *path), found, allowed
    yield from _duplicates(scenario)
    for index, guard in enumerate(scenario.guards):
        if guard.check not in vocabulary.GUARD_CHECKS:
            yield ("guards", index, "check"), guard.check, _list(vocabulary.GUARD_CHECKS)
    for index, objective in enumerate(scenario.sla):
        if objective.indicator not in vocabulary.INDICATORS:
            allowed = _list(vocabulary.INDICATORS)
            yield ("sla", index, "indicator"), objective.indicator, allowed
        if objective.window not in scenario.windows():
            yield ("sla", index, "window"), objective.window, _list(scenario.windows())


def _scenario_problems(scenario: Scenario) -> Iterator[Problem]:
    load = scenario.load
    if not ids.is_slug(scenario.name):
        yield ("name",), scenario.name, "lower-case letters, digits and hyphens, at most 64"
    if not 2 <= load.users <= 100_000:
        yield ("load", "users"), str(load.users), "2 to 100000"
    if load.steady <= 0:
        yield ("load", "steady"), clock.format_s(load.steady), "more than zero"
    if not 100 <= load.body_bytes <= 65_536:
        yield ("load", "body_bytes"), str(load.body_bytes), "100 to 65536"
    for name, share in load.shares().items():
        if name not in vocabulary.WORKLOADS:
            yield ("load", "workload", name), name, _list(vocabulary.WORKLOADS)
        if share.weight <= 0:
            yield ("load", "workload", name), str(share.weight), "a weight above zero"
        if not 2 <= share.size <= load.users:
            if name == "group":
                yield ("load", "workload", name, "size"), str(share.size), f"2 to {load.users}"
    if not load.workload:
        yield ("load", "workload"), "nothing", _list(vocabulary.WORKLOADS)
    for index, check in enumerate(scenario.checks.required):
        if check not in vocabulary.CHECKS:
            yield ("checks", "required", index), check, _list(vocabulary.CHECKS)


def _fault_problems(fault: Fault, duration_s: float) -> Iterator[Problem]:
    if not ids.is_slug(fault.id):
        yield ("id",), fault.id, "lower-case letters, digits and hyphens, at most 64"
    kind = vocabulary.FAULTS.get(fault.kind)
    if kind is None:
        yield ("kind",), fault.kind, _list(vocabulary.FAULTS)
        return
    if not target_fits(fault.target, kind.targets):
        yield ("target",), fault.target, allowed_targets(kind.targets)
    if fault.ends_s > duration_s:
        allowed = f"an end (at + for) within the load's {clock.format_s(duration_s)}"
        yield ("at",), f"an end at {clock.format_s(fault.ends_s)}", allowed
    for name, value in fault.params.items():
        param = kind.params.get(name)
        if param is None:
            yield ("params", name), name, _list(kind.params) or "no parameter"
        elif (allowed := _PARAM_RULES[param.kind](value)) is not None:
            yield ("params", name), _shown(value), allowed


def target_fits(target: str, wanted: tuple[str, ...]) -> bool:
    """Whether a target is one a fault can be aimed at."""
    source, arrow, role = target.partition(">")
    if arrow:
        is_link = source in vocabulary.LINK_SOURCES and _role_of(role) in vocabulary.ROLES
        return is_link and ("link" in wanted or f"{source}>{_role_of(role)}" in wanted)
    return _role_of(target) in (vocabulary.ROLES if "role" in wanted else wanted)


def allowed_targets(wanted: tuple[str, ...]) -> str:
    """The targets a fault accepts, in words."""
    if "link" in wanted:
        sources, roles = _list(vocabulary.LINK_SOURCES), _list(vocabulary.ROLES)
        return f"a link `source>component`, source one of {sources}, component one of {roles}"
    if "role" in wanted:
        return f"{_list(vocabulary.ROLES)}, or one component such as gateway-1"
    return _list(wanted)


def _role_of(component: str) -> str:
    """`edge-blue-1` → `edge`, `messages-db` → `messages-db`."""
    return next((role for role in vocabulary.ROLES if re.fullmatch(
        rf"{role}(-(blue|green))?(-\d+)?", component)), component)


def _duplicates(scenario: Scenario) -> Iterator[Problem]:
    for key, entries in (("faults", scenario.faults), ("sla", scenario.sla)):
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            if entry.id in seen:
                yield (key, index, "id"), entry.id, "an id that no other entry has"
            seen.add(entry.id)


def _number_rule(value: object) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 1
    return None if good else "a number of 1 or more"


def _percent_rule(value: object) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100
    return None if good else "a percentage above 0, at most 100"


def _duration_rule(value: object) -> str | None:
    try:
        clock.parse_duration_s(value)  # type: ignore[arg-type]  # it checks what it gets
    except ValueError:
        return "a duration such as 15s, 300ms or 1m30s"
    return None


_PARAM_RULES: dict[str, Callable[[object], str | None]] = {
    "number": _number_rule,
    "percent": _percent_rule,
    "duration": _duration_rule,
    "flag": lambda value: None if isinstance(value, bool) else "true or false",
    "text": lambda value: None if isinstance(value, str) else "a text",
}


def _located(message: str, name: str, node: yaml.Node, plain: object) -> str:
    match = _PATH.fullmatch(message)
    text, where = (match[1], match[2]) if match else (message, "$")
    path: tuple[str | int, ...] = tuple(
        int(step[2]) if step[2] and step[2] != "..." else step[1] or step[2]
        for step in _STEP.finditer(where)
    )
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", text)
    if unknown:
        path, text = (*path, unknown[1]), f"a key of {_where(path)}; this one is unknown"
    missing = re.fullmatch(r"Object missing required field `(.*)`", text)
    if missing:
        return _sentence(name, node, path, f"no `{missing[1]}`", f"`{missing[1]}` is required")
    return _sentence(name, node, path, _shown(_value_at(plain, path)), text)


def _sentence(
    name: str, node: yaml.Node, path: tuple[str | int, ...], found: str, allowed: str
) -> str:
    return f"{name}:{_line_of(node, path)}: {_where(path)}: found {found}; allowed: {allowed}"


def _where(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the scenario"


def _line_of(node: yaml.Node, path: tuple[str | int, ...]) -> int:
    """The line of the key at `path`, or of its nearest parent that the file spells out."""
    line = node.start_mark.line + 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                return line
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _value_at(plain: Any, path: tuple[str | int, ...]) -> object:
    for step in path:
        try:
            plain = plain[step]
        except (KeyError, IndexError, TypeError):
            return plain
    return plain


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _list(words: object) -> str:
    return ", ".join(words)  # type: ignore[call-overload,no-any-return]  # any iterable of str
