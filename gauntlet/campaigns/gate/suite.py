"""The suite of a gate: which scenarios to run, how often, and what to compare them with."""

import functools
import math
from pathlib import Path
from typing import Any, Literal

import msgspec

from gauntlet.core import labels, run_directory
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader
from gauntlet.core.scenario.loader import Document
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.core.scenario.overrides.sla_file import Entry, Place

PAIRS_DEFAULT = 5
PAIRS_MIN, PAIRS_MAX = 3, 1000
REPEAT_MAX = 1000
# By default, so many times `pairs` are run if a comparison stays undecided.
LOOKS_DEFAULT = 3
_ALPHA_MAX = 0.2


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
    document = loader.read_as(file, "the suite", Suite)
    if not document.content.name:
        named = msgspec.structs.replace(document.content, name=file.stem)
        document = document._replace(content=named)
    _check(document)
    return document.content


def _check(document: Document[Suite]) -> None:
    """Refuse what has the right types and makes no sense."""
    suite, place = document.content, document.place
    if not run_directory.is_slug(suite.name):
        raise ConfigError(
            f"{place('name')} must be {run_directory.SLUG_FORM}; got {suite.name!r:.60}. Set "
            "`name`, or call the file so"
        )
    if not suite.scenarios:
        raise ConfigError(f"{place('scenarios')} must name at least one scenario")
    if not 1 <= suite.repeat <= REPEAT_MAX:
        raise ConfigError(
            f"{place('repeat')} must be between 1 and {REPEAT_MAX}; got {suite.repeat}"
        )
    try:
        labels.parse(f"{key}={value}" for key, value in suite.labels.items())
    except ConfigError as error:
        raise ConfigError(f"{place('labels')}: {error}") from error
    sla = sla_file.by_kind(suite.sla, place)
    if suite.compare is not None:
        _check_comparison(suite.compare, functools.partial(place, "compare"))
    elif sla.relative:
        raise ConfigError(
            f"{place('sla')}: {sla.relative[0].id!r:.60} is relative to a baseline, so the suite "
            "must say under `compare` what that is"
        )


def _check_comparison(compare: Compare, place: Place) -> None:
    if (compare.baseline is None) == (compare.against is None):
        raise ConfigError(f"{place()} must have either `baseline` or `against`")
    if not PAIRS_MIN <= compare.pairs <= PAIRS_MAX:
        raise ConfigError(
            f"{place('pairs')} must be between {PAIRS_MIN} and {PAIRS_MAX}; got {compare.pairs}"
        )
    if compare.max_pairs is not None and not compare.pairs <= compare.max_pairs <= PAIRS_MAX:
        raise ConfigError(
            f"{place('max_pairs')} must be between `pairs` ({compare.pairs}) and {PAIRS_MAX}; got "
            f"{compare.max_pairs}"
        )
    if not 0 < compare.alpha <= _ALPHA_MAX:
        raise ConfigError(
            f"{place('alpha')} must be above 0 and at most {_ALPHA_MAX}; got {compare.alpha}"
        )
    if sla_file.parse_percent(compare.min_effect, place("min_effect")) <= 0:
        raise ConfigError(f"{place('min_effect')} must be above 0%; got {compare.min_effect!r:.60}")
