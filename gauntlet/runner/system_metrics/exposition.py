"""Prometheus' text format: the samples of a page, and the sum of those that are asked for."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_SAMPLE = re.compile(
    r'(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)(?:\{(?P<labels>(?:[^"}]|"(?:\\.|[^"\\])*")*)\})?\s+'
    r"(?P<value>\S+)(?:\s+-?\d+)?\s*"
)
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:\\.|[^"\\])*)"')
_ESCAPES = {r"\n": "\n", r"\"": '"', r"\\": "\\"}


class Sample(NamedTuple):
    """One line: the name of a series, its labels, and its value."""

    name: str
    labels: dict[str, str]
    value: float


def samples(text: str) -> Iterator[Sample]:
    """Yield the samples of a page; lines of another form are comments, or damaged, and left out."""
    for line in text.splitlines():
        match = _SAMPLE.fullmatch(line.strip())
        if match is None or line.startswith("#"):
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        labels = {key: _unescaped(text) for key, text in _LABEL.findall(match["labels"] or "")}
        yield Sample(match["name"], labels, value)


def total(found: list[Sample], name: str, labels: Mapping[str, str]) -> float | None:
    """Return the sum of the finite samples with a name and these labels; None if there is none."""
    values = [
        each.value
        for each in found
        if each.name == name
        and math.isfinite(each.value)
        and all(each.labels.get(key) == value for key, value in labels.items())
    ]
    return sum(values) if values else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0]), text)
