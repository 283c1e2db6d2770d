"""Read YAML as nodes, which have line numbers, and as plain values."""

import itertools
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gauntlet.core.errors import ConfigError
from gauntlet.core.printable import SHOWN_CHARACTERS, shortened

_DEPTH_MAX = 32  # a scenario needs 7; some hundreds would exceed Python's recursion limit
CHARACTERS_MAX = 1_048_576  # PyYAML reads about as many in a second
_ITEMS_MAX = 1_000  # of one list
# All keys, values, lists and mappings, those behind aliases and merge keys included, which can
# double them again and again. PyYAML reads about as many in a second.
_NODES_MAX = 20_000
_CHARACTERS_PER_NODE = 1_000  # a longer text counts as several
BITS_MAX = 63  # of a whole number
_NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_TOO_DEEP = f"lists and mappings are nested more than {_DEPTH_MAX} deep"
_OCTAL = re.compile(r"[-+]?0_*[0-7][0-7_]*")
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
        return _Loader(text).node_and_value()
    except _Refused as error:
        raise ConfigError(f"{name}:{error.line}: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        problem = f"the file is not valid YAML: it contains the character {error.character:#06x}"
        raise ConfigError(f"{name}:{number}: {problem}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{name}{line}: the file is not valid YAML: {getattr(error, 'problem', error)}"
        ) from error


def shown(value: object) -> str:
    """Return a value as error messages show it: strings in quotes, at most 60 characters."""
    return shortened(repr(value))


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that cannot be used as a scenario."""

    def __init__(self, problem: str, at: yaml.Node | yaml.Event) -> None:
        super().__init__(problem=problem)
        mark = at.start_mark
        assert mark is not None  # what was read from a text has a place in it
        self.line = mark.line + 1


class _Extent(NamedTuple):
    """How much is in a node, with aliases followed."""

    nodes: int
    depth: int


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses what PyYAML fails on, or accepts silently, with a clear error."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._path: list[str] = []  # of the node that is being read
        self._nodes = 0
        self._keys: dict[int, str] = {}  # of scalars, by the id of the node
        self._extents: dict[int, _Extent] = {}  # by the id of the node
        self._before_merge: list[tuple[yaml.MappingNode, list[tuple[yaml.Node, yaml.Node]]]] = []

    def node_and_value(self) -> tuple[yaml.Node | None, object]:
        """Return the root node and the plain value of the only document."""
        node: yaml.Node | None = self.get_single_node()
        if node is None:
            return None, None
        value: object = self.construct_document(node)
        for mapping, pairs in reversed(self._before_merge):
            mapping.value = pairs
        return node, value

    def compose_node(
        self, parent: yaml.Node | None, index: int | yaml.Node | None
    ) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # of types-PyYAML
        if parent is not None:
            self._check_size(parent, index)
        # The index of a value in a mapping is its key, and that of a key is None.
        self._path.append(
            f"[{index}]" if isinstance(index, int) else str(getattr(index, "value", ""))
        )
        node: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[arg-type]  # not only int
        if isinstance(event, yaml.AliasEvent) and node is not None:
            self._follow(node, event)
        self._path.pop()
        if node is not None and id(node) not in self._extents:
            self._extents[id(node)] = self._extent(node)
        return node

    def _check_size(self, parent: yaml.Node, index: int | yaml.Node | None) -> None:
        if len(self._path) > _DEPTH_MAX:
            raise _Refused(_TOO_DEEP, parent)
        if isinstance(index, int) and index >= _ITEMS_MAX:
            name = self._key() or "the file"
            raise _Refused(f"{name} has more than {_ITEMS_MAX} entries", parent)
        self._count(1, parent)

    def _count(self, nodes: int, at: yaml.Node | yaml.Event) -> None:
        self._nodes += nodes
        if self._nodes > _NODES_MAX:
            key = self._path[1] if len(self._path) > 1 else ""
            where = f", here in {key}" if key else ""
            problem = f"the file has more than {_NODES_MAX} keys and values{where}"
            raise _Refused(problem[:200], at)

    def _follow(self, node: yaml.Node, alias: yaml.Event) -> None:
        """Count what is behind an alias as often as it occurs."""
        extent = self._extents.get(id(node))
        if extent is None:  # not yet complete
            raise _Refused(f"{self._key()} is an alias of what it is a part of", alias)
        if len(self._path) + extent.depth - 1 > _DEPTH_MAX + 1:
            raise _Refused(_TOO_DEEP, alias)
        self._count(extent.nodes, alias)

    def _extent(self, node: yaml.Node) -> _Extent:
        if isinstance(node, yaml.ScalarNode):
            return _Extent(1 + len(node.value) // _CHARACTERS_PER_NODE, 1)
        is_mapping = isinstance(node, yaml.MappingNode)
        within = itertools.chain.from_iterable(node.value) if is_mapping else node.value
        parts = [self._extents[id(each)] for each in within]
        return _Extent(
            1 + sum(part.nodes for part in parts),
            1 + max((part.depth for part in parts), default=0),
        )

    def _key(self) -> str:
        """Return the path of the node that is being read: `faults[0].params`."""
        key = "".join(f"{'' if step[:1] == '[' else '.'}{step}" for step in self._path)
        return key.lstrip(".")[:SHOWN_CHARACTERS]

    def compose_scalar_node(self, anchor: dict[Any, yaml.Node]) -> yaml.ScalarNode:
        node: yaml.ScalarNode = super().compose_scalar_node(anchor)
        if _SURROGATE.search(node.value):  # "\ud800", which is no text
            problem = f"{shown(node.value)} ({self._key()}) contains half of a surrogate pair"
            raise _Refused(problem, node)
        if node.tag in _NUMBER_TAGS and ":" in node.value:
            # YAML 1.1 reads `1:30` as a number of base 60, which is 90.
            found = f"{node.value} would be a number of base 60 ({self._key()})"
            raise _Refused(f"{found}; put it in quotes", node)
        if node.tag in _NUMBER_TAGS and _OCTAL.fullmatch(node.value):
            # ... and `0100` as 64.
            found = f"{node.value} would be a number of base 8 ({self._key()})"
            raise _Refused(f"{found}; omit the leading zero", node)
        self._keys[id(node)] = self._key()
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # It replaces merge keys by what they merge, and the lines of keys are looked up later.
        self._before_merge.append((node, list(node.value)))
        super().flatten_mapping(node)

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
            value: object = super().construct_object(node, deep)
        except _LEAKS as error:
            found = f"{shown(node.value)} ({self._keys.get(id(node), 'a list or mapping')})"
            problem = f"{found} cannot be read as a value; put strings in quotes"
            raise _Refused(problem, node) from error
        if isinstance(value, int) and value.bit_length() > BITS_MAX:
            problem = f"{self._keys[id(node)]} is a number of more than {BITS_MAX} bits"
            raise _Refused(problem, node)
        return value
