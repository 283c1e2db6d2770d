"""Reads the YAML of a scenario: its nodes, which know their lines, and its plain values."""

from typing import Any

import yaml

from gauntlet.core.errors import ConfigError

_DEPTH_MAX = 32  # a scenario needs seven; Python's own stack would end at some hundreds
_SHOWN_CHARACTERS = 60
# What PyYAML's constructors let through for values such as `2026-02-30`, `0x_`, `!!bool maybe`.
_LEAKS = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


def read(text: str, name: str) -> tuple[yaml.Node | None, object]:
    """The root node and the plain value; `name` stands for the file in errors."""
    try:
        # Twice, because `<<` changes the nodes while values are made of them.
        return _Loader(text).get_single_node(), _Loader(text).get_single_data()
    except _Refused as error:
        raise ConfigError(f"{name}:{error.line}: {error.problem}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: not YAML: {getattr(error, 'problem', error)}") from error


def shown(value: object) -> str:
    """A value as an error shows it: in quotes where it is a text, and not at any length."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


class _Refused(yaml.MarkedYAMLError):
    """It is YAML, and cannot be used."""

    def __init__(self, found: str, allowed: str, node: yaml.Node) -> None:
        super().__init__(problem=f"found {found}; allowed: {allowed}")
        self.line = node.start_mark.line + 1


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses what PyYAML trips over, or drops without a word."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self._depth > _DEPTH_MAX and parent is not None:
            raise _Refused("more", f"{_DEPTH_MAX} lists and mappings in one another", parent)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in keys:
                    raise _Refused(f"{shown(key.value)} again", "each key once in a mapping", key)
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
            allowed = "a value that can be read, or a text in quotes"
            raise _Refused(shown(node.value), allowed, node) from error
