"""Reads scenario files. An error names file, line, key, what was found and what is allowed."""

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gauntlet.kernel import scenario_rules
from gauntlet.kernel.errors import ConfigError
from gauntlet.kernel.scenario import Scenario, from_builtins

# msgspec says where it failed in the manner of `… - at `$.faults[0].at``.
_MESSAGE = re.compile(r"(.*?) - at `(?:key in )?(\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_SHOWN_CHARACTERS = 60
_TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def load(file: Path) -> Scenario:
    """The scenario of a file, checked as far as it can be without starting anything."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    return parse(text, str(file))


def parse(text: str, name: str) -> Scenario:
    """The scenario of a YAML text; `name` stands for the file in errors."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: not YAML: {getattr(error, 'problem', error)}") from error
    if node is None or not isinstance(plain, dict):
        raise ConfigError(f"{name}:1: found {_shown(plain)}; allowed: a mapping of a scenario")
    try:
        scenario = from_builtins(plain)
    except msgspec.ValidationError as error:
        raise ConfigError(_located(str(error), name, node, plain)) from error
    for path, found, allowed in scenario_rules.problems(scenario):
        raise ConfigError(_sentence(name, node, path, found, allowed))
    return scenario


def _located(message: str, name: str, node: yaml.Node, plain: object) -> str:
    match = _MESSAGE.fullmatch(message)
    text, where = (match[1], match[2]) if match else (message, "$")
    # `[...]` stands for a key that msgspec does not tell: the mapping itself is shown then.
    path: scenario_rules.Path = tuple(
        int(step[2]) if step[2] else step[1] for step in _STEP.finditer(where.split("[...]")[0])
    )
    if missing := re.fullmatch(r"Object missing required field `(.*)`", text):
        return _sentence(name, node, path, f"no `{missing[1]}`", f"`{missing[1]}` is required")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", text):
        allowed = ", ".join(_keys_at(path))
        return _sentence(name, node, (*path, unknown[1]), repr(unknown[1]), allowed)
    return _sentence(name, node, path, _shown(_value_at(plain, path)), _in_words(text))


def _in_words(text: str) -> str:
    """`Expected `int`, got `str`` → `a whole number`; anything else as it is."""
    match = re.match(r"Expected `([^`]*)`", text)
    if match is None:
        return text
    return " or ".join(_TYPE_WORDS.get(word, word) for word in match[1].split(" | "))


def _keys_at(path: scenario_rules.Path) -> list[str]:
    """The keys that the mapping at `path` may have."""
    kind: msgspec.inspect.Type = msgspec.inspect.type_info(Scenario)
    for step in path:
        if isinstance(kind, msgspec.inspect.StructType):
            kind = next(field.type for field in kind.fields if field.encode_name == step)
        elif isinstance(kind, msgspec.inspect.ListType):
            kind = kind.item_type
        elif isinstance(kind, msgspec.inspect.DictType):
            kind = kind.value_type
        if isinstance(kind, msgspec.inspect.UnionType):
            kind = next(t for t in kind.types if isinstance(t, msgspec.inspect.StructType))
    assert isinstance(kind, msgspec.inspect.StructType)
    return [field.encode_name for field in kind.fields]


def _sentence(
    name: str, node: yaml.Node, path: scenario_rules.Path, found: str, allowed: str
) -> str:
    return f"{name}:{_line_of(node, path)}: {_where(path)}: found {found}; allowed: {allowed}"


def _where(path: scenario_rules.Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the scenario"


def _line_of(node: yaml.Node, path: scenario_rules.Path) -> int:
    """The line of the key at `path`, or of its nearest parent that the file spells out."""
    line: int = node.start_mark.line + 1
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


def _value_at(plain: Any, path: scenario_rules.Path) -> object:
    for step in path:
        try:
            plain = plain[step]
        except (KeyError, IndexError, TypeError):
            return plain
    return plain


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
