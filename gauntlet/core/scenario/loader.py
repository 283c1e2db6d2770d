"""Reads scenario files. An error names file, line, key, what was found and what is allowed."""

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import arrival_trace, rate_profiles, validation, yaml_reader
from gauntlet.core.scenario.model import RecordedProfile, Scenario, from_builtins
from gauntlet.core.scenario.yaml_reader import shown

# msgspec says where it failed in the manner of `… - at `$.faults[0].at``.
_MESSAGE = re.compile(r"(.*?) - at `(?:key in )?(\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
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
    return parse(text, str(file), file.parent)


def parse(text: str, name: str, folder: Path | None = None) -> Scenario:
    """The scenario of a YAML text; `name` stands for the file in errors.

    Files that it names are looked for in `folder`; without one they are not opened.
    """
    node, plain = yaml_reader.read(text, name)
    if node is None or not isinstance(plain, dict):
        raise ConfigError(f"{name}:1: found {shown(plain)}; allowed: a mapping of a scenario")
    try:
        scenario = from_builtins(plain)
    except msgspec.ValidationError as error:
        raise ConfigError(_located(str(error), name, node, plain)) from error
    for path, found, allowed in validation.problems(scenario):
        raise ConfigError(_sentence(name, node, path, found, allowed))
    return scenario if folder is None else _with_trace(scenario, folder, name, node)


def _with_trace(scenario: Scenario, folder: Path, name: str, node: yaml.Node) -> Scenario:
    """The scenario with its trace by absolute path, once that is known to be a good one."""
    profile = scenario.load.profile
    if not isinstance(profile, RecordedProfile):
        return scenario
    file = (folder / profile.file).resolve()
    path = ("load", "profile", "file")
    try:
        sends = rate_profiles.total(
            rate_profiles.pieces(
                msgspec.structs.replace(scenario.load, rate=None), arrival_trace.read(file)
            )
        )
    except ConfigError as error:
        raise ConfigError(_sentence(name, node, path, profile.file, f"a trace; {error}")) from error
    if sends < 1:
        found = f"{profile.file}, without a send in {clock.format_s(scenario.load.steady)}"
        raise ConfigError(_sentence(name, node, path, found, "a trace that sends something"))
    found_there = msgspec.structs.replace(profile, file=str(file))
    load = msgspec.structs.replace(scenario.load, profile=found_there)
    return msgspec.structs.replace(scenario, load=load)


def _located(message: str, name: str, node: yaml.Node, plain: object) -> str:
    match = _MESSAGE.fullmatch(message)
    text, where = (match[1], match[2]) if match else (message, "$")
    path = _path(where, message, plain)
    if missing := re.fullmatch(r"Object missing required field `(.*)`", text):
        return _sentence(name, node, path, f"no `{missing[1]}`", f"`{missing[1]}` is required")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", text):
        allowed = ", ".join(_keys_at(path, plain))
        return _sentence(name, node, (*path, unknown[1]), repr(unknown[1]), allowed)
    allowed = _words_at(path, plain) or _in_words(text)
    return _sentence(name, node, path, shown(_value_at(plain, path)), allowed)


def _path(where: str, message: str, plain: object) -> validation.Path:
    """`$.faults[0].at` as steps; `[...]` is a key that msgspec does not tell."""
    path: validation.Path = ()
    for step in _STEP.finditer(where):
        if step[0] == "[...]":
            key = _key_of(message, path, plain)
            if key is None:
                break
            path = (*path, key)
        else:
            path = (*path, int(step[2]) if step[2] else step[1])
    return path


def _key_of(message: str, path: validation.Path, plain: object) -> str | None:
    """The key of the mapping at `path` that gives this message when it is there alone."""
    mapping = _value_at(plain, path)
    for key, value in mapping.items() if isinstance(mapping, dict) else ():
        try:
            from_builtins(_with(plain, path, {key: value}))
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    return None


def _with(plain: Any, path: validation.Path, value: object) -> object:
    """A copy in which `value` stands at `path`, which leads through mappings only."""
    return {**plain, path[0]: _with(plain[path[0]], path[1:], value)} if path else value


def _in_words(text: str) -> str:
    """`Expected `int`, got `str`` → `a whole number`; anything else as it is."""
    match = re.match(r"Expected `([^`]*)`", text)
    if match is None:
        return text
    return " or ".join(_TYPE_WORDS.get(word, word) for word in match[1].split(" | "))


def _type_at(path: validation.Path, plain: object) -> msgspec.inspect.Type:
    """The type of what stands at `path`; of several mappings the one that its tag names."""
    kind: msgspec.inspect.Type = msgspec.inspect.type_info(Scenario)
    for at, step in enumerate(path, 1):
        if isinstance(kind, msgspec.inspect.StructType):
            fields = {field.encode_name: field.type for field in kind.fields}
            kind = fields.get(str(step), msgspec.inspect.AnyType())
        elif isinstance(kind, msgspec.inspect.ListType):
            kind = kind.item_type
        elif isinstance(kind, msgspec.inspect.DictType):
            kind = kind.value_type
        if isinstance(kind, msgspec.inspect.UnionType):
            value = _value_at(plain, path[:at])
            mappings = [t for t in kind.types if isinstance(t, msgspec.inspect.StructType)]
            tagged = (
                t for t in mappings if isinstance(value, dict) and t.tag == value.get(t.tag_field)
            )
            kind = next(tagged, mappings[0] if len(mappings) == 1 else kind)
    return kind


def _keys_at(path: validation.Path, plain: object) -> list[str]:
    """The keys that the mapping at `path` may have."""
    kind = _type_at(path, plain)
    assert isinstance(kind, msgspec.inspect.StructType)
    tag = [kind.tag_field] if kind.tag_field else []
    return [*tag, *(field.encode_name for field in kind.fields)]


def _words_at(path: validation.Path, plain: object) -> str:
    """The words that may stand at `path`: a choice's, or those that tell mappings apart."""
    kind = _type_at(path, plain)
    if isinstance(kind, msgspec.inspect.LiteralType):
        return ", ".join(str(value) for value in kind.values)
    if path and isinstance(several := _type_at(path[:-1], plain), msgspec.inspect.UnionType):
        mappings = [t for t in several.types if isinstance(t, msgspec.inspect.StructType)]
        return ", ".join(str(t.tag) for t in mappings if t.tag_field == path[-1])
    if isinstance(kind, msgspec.inspect.UnionType):
        words = [t.values for t in kind.types if isinstance(t, msgspec.inspect.LiteralType)]
        return "".join(f"{', '.join(map(str, each))}, or a list" for each in words)
    return ""


def _sentence(name: str, node: yaml.Node, path: validation.Path, found: str, allowed: str) -> str:
    return f"{name}:{_line_of(node, path)}: {_where(path)}: found {found}; allowed: {allowed}"


def _where(path: validation.Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the scenario"


def _line_of(node: yaml.Node, path: validation.Path) -> int:
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


def _value_at(plain: Any, path: validation.Path) -> object:
    for step in path:
        try:
            plain = plain[step]
        except (KeyError, IndexError, TypeError):
            return plain
    return plain
