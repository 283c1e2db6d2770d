"""The suite of a gate: which scenarios to run, how often, and what to compare them with."""

import math
import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from gauntlet.core import labels, run_directory
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader, yaml_reader
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.core.scenario.overrides.sla_file import Entry

PAIRS_DEFAULT = 5
PAIRS_MIN, PAIRS_MAX = 3, 1000
REPEAT_MAX = 1000
# By default, so many times `pairs` are run if a comparison stays undecided.
LOOKS_DEFAULT = 3
_ALPHA_MAX = 0.2
_PLACE = re.compile(r"(.*) - at `(?:key in )?\$([^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class Against(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reference of an A/B comparison: the same scenarios with another target, or a bug.

    `target` replaces keys of the scenario's target. `python` is that of another installation, whose
    reference server is booted. `bug` is for trying a gate.
    """

    target: dict[str, Any] = {}
    python: str = ""
    bug: str = ""


class Compare(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """With what the runs are compared, and how sure a decision must be.

    At most `max_pairs` pairs are run, `pairs` at a time, while a comparison is undecided.
    """

    baseline: str | None = None
    against: Against | None = None
    pairs: int = PAIRS_DEFAULT
    max_pairs: int | None = None
    min_effect: str = "10%"
    alpha: float = 0.01
    scenarios: list[str] | None = None  # names; default: all

    @property
    def most(self) -> int:
        """How many pairs are run at most."""
        return LOOKS_DEFAULT * self.pairs if self.max_pairs is None else self.max_pairs

    @property
    def looks(self) -> int:
        """How often the comparisons are looked at, at most."""
        return math.ceil(self.most / self.pairs)


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of a suite file, version 1."""

    version: Literal[1]
    scenarios: list[str]
    name: str = ""  # default: that of the file
    repeat: int = 1
    sla: list[Entry] = []
    compare: Compare | None = None
    labels: dict[str, str] = {}


def load(file: Path) -> Suite:
    """Load and validate a suite; ConfigError with file, line and key if it is not valid."""
    node, plain = yaml_reader.read(yaml_reader.text_of(file, "the suite"), str(file))
    if node is None or not isinstance(plain, dict):
        raise ConfigError(f"{file}:1: a suite must be a mapping; got {yaml_reader.shown(plain)}")
    try:
        suite = msgspec.convert(plain, Suite)
    except msgspec.ValidationError as error:
        raise ConfigError(_located(str(error), str(file), node)) from error
    if not suite.name:
        suite = msgspec.structs.replace(suite, name=file.stem)
    _check(suite, str(file))
    return suite


def _located(message: str, name: str, node: yaml.Node) -> str:
    match = _PLACE.fullmatch(message)
    text, place = (match[1], match[2]) if match else (message, "")
    path = tuple(int(at) if at else key for key, at in _STEP.findall(place))
    key = f"{place.removeprefix('.')}: " if place else ""
    return f"{name}:{loader.line_of(node, path)}: {key}{text}"


def _check(suite: Suite, name: str) -> None:
    """Refuse what has the right types and makes no sense."""
    if not run_directory.is_slug(suite.name):
        raise ConfigError(
            f"{name}: name must be {run_directory.SLUG_FORM}; got {suite.name!r:.60}. Set `name`, "
            "or call the file so"
        )
    if not suite.scenarios:
        raise ConfigError(f"{name}: scenarios must name at least one scenario")
    if not 1 <= suite.repeat <= REPEAT_MAX:
        raise ConfigError(f"{name}: repeat must be between 1 and {REPEAT_MAX}; got {suite.repeat}")
    labels.parse(f"{key}={value}" for key, value in suite.labels.items())
    sla = sla_file.sorted_out(suite.sla, name)
    if suite.compare is not None:
        _check_comparison(suite.compare, name)
    elif sla.relative:
        raise ConfigError(
            f"{name}: {sla.relative[0].id!r:.60} is relative to a baseline, so the suite must say "
            "under `compare` what that is"
        )


def _check_comparison(compare: Compare, name: str) -> None:
    if (compare.baseline is None) == (compare.against is None):
        raise ConfigError(f"{name}: compare must have either `baseline` or `against`")
    if not PAIRS_MIN <= compare.pairs <= PAIRS_MAX:
        raise ConfigError(
            f"{name}: compare.pairs must be between {PAIRS_MIN} and {PAIRS_MAX}; got "
            f"{compare.pairs}"
        )
    if compare.max_pairs is not None and not compare.pairs <= compare.max_pairs <= PAIRS_MAX:
        raise ConfigError(
            f"{name}: compare.max_pairs must be between `pairs` ({compare.pairs}) and "
            f"{PAIRS_MAX}; got {compare.max_pairs}"
        )
    if not 0 < compare.alpha <= _ALPHA_MAX:
        raise ConfigError(
            f"{name}: compare.alpha must be above 0 and at most {_ALPHA_MAX}; got {compare.alpha}"
        )
    if sla_file.parse_percent(compare.min_effect, f"{name}: compare.min_effect") <= 0:
        raise ConfigError(
            f"{name}: compare.min_effect must be above 0%; got {compare.min_effect!r:.60}"
        )
