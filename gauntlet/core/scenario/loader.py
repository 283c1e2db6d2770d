"""Read scenario files, and others in YAML.

An error names the file, the line, the key, what is wrong there, and what is allowed.
"""

import re
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
import yaml

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import (
    accounts,
    rate_profiles,
    secrets,
    validation,
    yaml_reader,
)
from gauntlet.core.scenario.model import RecordedProfile, Scenario, from_builtins, to_builtins
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.core.scenario.yaml_reader import shown

# msgspec reports the place of an error as `… - at `$.faults[0].at``.
_MESSAGE = re.compile(r"(.*?) - at `(?:key in )?(\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}


T = TypeVar("T")


class Document(NamedTuple, Generic[T]):
    """The content of a YAML file, and where its keys are."""

    file: str
    text: str
    node: yaml.Node
    content: T

    def place(self, *path: str | int) -> str:
        """Return how errors begin that are about the key at `path`: `suite.yaml:3: repeat`."""
        return f"{self.file}:{line_of(self.node, path)}: {validation.key_of(path):.120}"


def read_as(file: Path, what: str, kind: type[T]) -> Document[T]:
    """Read a YAML file that has the form of a struct; ConfigError if it has another one.

    `what` is what the file is called in error messages.
    """
    text = yaml_reader.text_of(file, what)
    node, plain = yaml_reader.read(text, str(file))
    if node is None or not isinstance(plain, dict):
        raise ConfigError(f"{file}:1: {what} must be a mapping; got {shown(plain)}")
    try:
        return Document(str(file), text, node, msgspec.convert(plain, kind))
    except msgspec.ValidationError as error:
        raise ConfigError(_located(str(error), str(file), node, plain, kind)) from error


def load(file: Path) -> Scenario:
    """Load and validate the scenario of a file; ConfigError if it is invalid or unreadable."""
    return parse(yaml_reader.text_of(file, "the scenario file"), str(file), file.parent)


def parse(text: str, name: str, folder: Path | None = None) -> Scenario:
    """Parse and validate a YAML text; `name` stands for the file in error messages.

    Files that the scenario names are relative to `folder`; without one they are not opened.
    """
    node, plain = yaml_reader.read(text, name)
    if node is None or not isinstance(plain, dict):
        raise ConfigError(f"{name}:1: a scenario must be a mapping; got {shown(plain)}")
    try:
        scenario = from_builtins(plain)
    except msgspec.ValidationError as error:
        raise ConfigError(_located(str(error), name, node, plain, Scenario)) from error
    for problem in validation.problems(scenario):
        raise ConfigError(_sentence(name, node, problem))
    if folder is None:
        return scenario
    scenario = from_builtins(secrets.located(to_builtins(scenario), folder))
    for locate in (_with_tls_files, _with_trace, _with_accounts):
        scenario = locate(scenario, folder, name, node)
    return scenario


def to_yaml(scenario: Scenario) -> str:
    """Return the text of a scenario file from which `parse` makes an equal scenario.

    Only literal secrets are replaced by `***`.
    """
    plain = secrets.redacted(to_builtins(scenario))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _with_tls_files(scenario: Scenario, folder: Path, name: str, node: yaml.Node) -> Scenario:
    """Return the scenario with the absolute paths of its TLS files, all of which must exist."""
    tls = scenario.target.tls
    located: dict[str, str] = {}
    for key in ("ca", "cert", "key"):
        if (file := getattr(tls, key)) is not None:
            located[key] = str((folder / file).resolve())
            if not Path(located[key]).is_file():
                problem = validation.Problem(("target", "tls", key), file, "an existing file")
                raise ConfigError(_sentence(name, node, problem))
    target = msgspec.structs.replace(scenario.target, tls=msgspec.structs.replace(tls, **located))
    return msgspec.structs.replace(scenario, target=target)


def _with_trace(scenario: Scenario, folder: Path, name: str, node: yaml.Node) -> Scenario:
    """Read the trace of a recorded profile; return the scenario with the absolute path of it."""
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
        problem = validation.Problem(path, profile.file, f"a valid trace ({error})")
        raise ConfigError(_sentence(name, node, problem)) from error
    if sends < 1:
        allowed = f"a trace that sends a message within {clock.format_s(scenario.load.steady)}"
        raise ConfigError(_sentence(name, node, validation.Problem(path, profile.file, allowed)))
    located = msgspec.structs.replace(profile, file=str(file))
    load = msgspec.structs.replace(scenario.load, profile=located)
    return msgspec.structs.replace(scenario, load=load)


def _with_accounts(scenario: Scenario, folder: Path, name: str, node: yaml.Node) -> Scenario:
    """Read the file of the accounts; return the scenario with the absolute path of it."""
    if scenario.accounts is None or not scenario.accounts.file:
        return scenario
    file = (folder / scenario.accounts.file).resolve()
    try:
        accounts.read(file, scenario.accounts.columns)
    except ConfigError as error:
        allowed = f"a valid file of accounts ({error})"
        problem = validation.Problem(("accounts", "file"), scenario.accounts.file, allowed)
        raise ConfigError(_sentence(name, node, problem)) from error
    located = msgspec.structs.replace(scenario.accounts, file=str(file))
    return msgspec.structs.replace(scenario, accounts=located)


def _located(message: str, name: str, node: yaml.Node, plain: object, kind: type) -> str:
    match = _MESSAGE.fullmatch(message)
    text, where = (match[1], match[2]) if match else (message, "$")
    path = _path(where, message, plain, kind)
    if missing := re.fullmatch(r"Object missing required field `(.*)`", text, re.DOTALL):
        key = validation.key_of((*path, missing[1]))
        return f"{name}:{line_of(node, path)}: {key} is missing"
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        path, allowed = (*path, unknown[1]), ", ".join(_keys_at(path, plain, kind))
        key = validation.key_of(path)
        return f"{name}:{line_of(node, path)}: {key} is not a known key; allowed: {allowed}"
    allowed = _words_at(path, plain, kind) or _types_in_words(text)
    if not allowed:
        # `_decode` of the model refused the value, and its message begins with "must be".
        return f"{name}:{line_of(node, path)}: {validation.key_of(path)} {text}"
    hidden = path and secrets.is_secret_key(str(path[-1]))
    found = secrets.REDACTED if hidden else shown(_value_at(plain, path))
    return _sentence(name, node, validation.Problem(path, found, allowed))


def _path(where: str, message: str, plain: object, kind: type) -> validation.Path:
    """Return the steps of `$.faults[0].at`; `[...]` means a key that msgspec does not name."""
    path: validation.Path = ()
    for step in _STEP.finditer(where):
        if step[0] == "[...]":
            key = _key_of(message, path, plain, kind)
            if key is None:
                break
            path = (*path, key)
        else:
            path = (*path, int(step[2]) if step[2] else step[1])
    return path


def _key_of(message: str, path: validation.Path, plain: object, kind: type) -> str | None:
    """Return the key of the mapping at `path` that alone causes this message; None if none does."""
    mapping = _value_at(plain, path)
    for key, value in mapping.items() if isinstance(mapping, dict) else ():
        try:
            _convert(_with(plain, path, {key: value}), kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    return None


def _convert(plain: object, kind: type) -> object:
    return from_builtins(plain) if kind is Scenario else msgspec.convert(plain, kind)


def _with(plain: Any, path: validation.Path, value: object) -> object:
    """Return a copy with `value` at `path`."""
    if not path:
        return value
    copy = plain.copy()
    copy[path[0]] = _with(plain[path[0]], path[1:], value)
    return copy


def _types_in_words(text: str) -> str:
    """Return "a whole number" for "Expected `int`, got `str`"; empty for any other message."""
    if text == "Number out of range":
        return "a smaller number"
    match = re.match(r"Expected `([^`]*)`(?: of length (\d+))?", text)
    if match is None:
        return ""
    words = " or ".join(_TYPE_WORDS.get(word, word) for word in match[1].split(" | "))
    return f"{words} of {match[2]} values" if match[2] else words


def _type_at(path: validation.Path, plain: object, whole: type) -> msgspec.inspect.Type:
    """Return the declared type at `path`; of several kinds of mappings the one with the tag."""
    kind: msgspec.inspect.Type = msgspec.inspect.type_info(whole)
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


def _keys_at(path: validation.Path, plain: object, whole: type) -> list[str]:
    """Return the keys that the mapping at `path` may have."""
    kind = _type_at(path, plain, whole)
    assert isinstance(kind, msgspec.inspect.StructType)
    tag = [kind.tag_field] if kind.tag_field else []
    return [*tag, *(field.encode_name for field in kind.fields)]


def _words_at(path: validation.Path, plain: object, whole: type) -> str:
    """Return the words allowed at `path`: of a choice, or the tags of the possible mappings."""
    kind = _type_at(path, plain, whole)
    if isinstance(kind, msgspec.inspect.LiteralType):
        return validation.one_of(map(str, kind.values))
    if path and isinstance(parent := _type_at(path[:-1], plain, whole), msgspec.inspect.UnionType):
        mappings = [t for t in parent.types if isinstance(t, msgspec.inspect.StructType)]
        return validation.one_of(str(t.tag) for t in mappings if t.tag_field == path[-1])
    if isinstance(kind, msgspec.inspect.UnionType):
        words = [t.values for t in kind.types if isinstance(t, msgspec.inspect.LiteralType)]
        return "".join(f"{validation.one_of(map(str, each))}, or a list" for each in words)
    return ""


def _sentence(name: str, node: yaml.Node, problem: validation.Problem) -> str:
    return f"{name}:{line_of(node, problem.path)}: {problem.sentence}"


def line_of(node: yaml.Node, path: validation.Path) -> int:
    """Return the line of the key at `path`, or of its nearest parent that the file contains."""
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
