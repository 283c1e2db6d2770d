"""Read YAML as nodes, which have line numbers, and as plain values."""

import re
from pathlib import Path
from typing import Any

import yaml

from gauntlet.core.errors import ConfigError

_DEPTH_MAX = 32  # a scenario needs 7; some hundreds would exceed Python's recursion limit
CHARACTERS_MAX = 1_048_576  # PyYAML reads about as many in a second
_ITEMS_MAX = 1_000  # of one list
_NODES_MAX = 20_000  # all keys, values, lists and mappings; PyYAML reads about as many in a second
_KEYS_MAX = 10_000  # of one mapping, merge keys included, which can double it again and again
_NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_SHOWN_CHARACTERS = 60
_SURROGATE = re.compile("[\ud800-\udfff]")
_KEY_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
_STRING_TAG = "tag:yaml.org,2002:str"
# Keys of flapping faults, which YAML 1.1 reads as true and false, and YAML 1.2 as strings.
_WORDS = ("on", "off")
# What PyYAML's constructors raise for values such as `2026-02-30`, `0x_`, `!!bool maybe`.
_LEAKS = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


def text_of(file: Path, what: str) -> str:
    """Return the text of a file, cut off where `read` refuses it; ConfigError if it is unreadable.

    `what` is what the file is called in the error message.
    """
    try:
        with file.open(encoding="utf-8", newline="") as stream:  # it may be a device without end
            return stream.read(CHARACTERS_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} {file} cannot be read: {error}") from error


def read(text: str, name: str) -> tuple[yaml.Node | None, object]:
    """Return the root node and the plain value; `name` stands for the file in error messages."""
    if len(text) > CHARACTERS_MAX:
        raise ConfigError(f"{name}:1: the file has more than {CHARACTERS_MAX} characters")
    try:
        # Read twice, because constructing values from a merge key (`<<`) changes the nodes.
        return _Loader(text).get_single_node(), _Loader(text).get_single_data()
    except _Refused as error:
        raise ConfigError(f"{name}:{error.line}: {error.problem}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{name}{line}: the file is not valid YAML: {getattr(error, 'problem', error)}"
        ) from error


def shown(value: object) -> str:
    """Return a value as error messages show it: strings in quotes, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that cannot be used as a scenario."""

    def __init__(self, problem: str, node: yaml.Node) -> None:
        super().__init__(problem=problem)
        self.line = node.start_mark.line + 1


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses what PyYAML fails on, or accepts silently, with a clear error."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._path: list[str] = []  # of the node that is being read
        self._nodes = 0

    def compose_node(
        self, parent: yaml.Node | None, index: int | yaml.Node | None
    ) -> yaml.Node | None:
        if parent is not None:
            self._check_size(parent, index)
        # The index of a value in a mapping is its key, and that of a key is None.
        self._path.append(
            f"[{index}]" if isinstance(index, int) else str(getattr(index, "value", ""))
        )
        node: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[arg-type]  # not only int
        self._path.pop()
        return node

    def _check_size(self, parent: yaml.Node, index: int | yaml.Node | None) -> None:
        self._nodes += 1
        if len(self._path) > _DEPTH_MAX:
            raise _Refused(f"lists and mappings are nested more than {_DEPTH_MAX} deep", parent)
        if isinstance(index, int) and index >= _ITEMS_MAX:
            key = "".join(f"{'' if step[:1] == '[' else '.'}{step}" for step in self._path)
            name = key.lstrip(".")[:_SHOWN_CHARACTERS] or "the file"
            raise _Refused(f"{name} has more than {_ITEMS_MAX} entries", parent)
        if self._nodes > _NODES_MAX:
            key = ".".join(self._path[1:2]) or "the file"
            problem = f"the file has more than {_NODES_MAX} keys and values, here in {key}"
            raise _Refused(problem[:200], parent)

    def compose_scalar_node(self, anchor: dict[Any, yaml.Node]) -> yaml.ScalarNode:
        node: yaml.ScalarNode = super().compose_scalar_node(anchor)
        if _SURROGATE.search(node.value):  # "\ud800", which is no text
            raise _Refused(f"{shown(node.value)} contains half of a surrogate pair", node)
        if node.tag in _NUMBER_TAGS and ":" in node.value:
            # YAML 1.1 reads `1:30` as a number of base 60, which is 90.
            raise _Refused(f"{node.value} would be a number of base 60; put it in quotes", node)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _KEYS_MAX:
            raise _Refused(f"a mapping has more than {_KEYS_MAX} keys", node)

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in _WORDS:
                    key.tag = _STRING_TAG
                if key.tag not in _KEY_TAGS:
                    raise _Refused(f"a key must be a string; got {key.value} without quotes", key)
                if (key.tag, key.value) in keys:
                    raise _Refused(f"the key {shown(key.value)} occurs twice in a mapping", key)
                keys.add((key.tag, key.value))
        return node

    def construct_object(
        self,
        node: yaml.Node,
        deep: bool = False,  # noqa: FBT001, FBT002  # PyYAML's signature
    ) -> object:
        try:
            return super().construct_object(node, deep)
        except _LEAKS as error:
            problem = f"{shown(node.value)} cannot be read as a value; put strings in quotes"
            raise _Refused(problem, node) from error
