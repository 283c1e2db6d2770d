"""The price file: what nodes, storage and egress cost."""

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader
from gauntlet.core.scenario.loader import Document

_CURRENCY_MAX = 8


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The size of a type of node."""

    cores: float
    memory_gb: float


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of a price file; `tiers` says on which type of node each tier runs."""

    currency: str
    per_hour: dict[str, float]
    tiers: dict[str, str]
    storage_gb_month: float | None = None
    egress_gb: float | None = None
    sizes: dict[str, Size] = {}


class PriceFile(NamedTuple):
    """Prices, with the name and the hash of their file."""

    name: str
    sha256: str
    prices: Prices


def read(file: Path, tiers: Iterable[str]) -> PriceFile:
    """Return the prices of a file; ConfigError if it is not valid, or has no node for a tier."""
    document = loader.read_as(file, "the price file", Prices)
    prices = document.content
    _check(document)
    if missing := sorted(set(tiers) - set(prices.tiers)):
        raise ConfigError(
            f"{document.place('tiers')} must name the type of node of each measured tier; missing: "
            f"{', '.join(missing):.200}"
        )
    return PriceFile(file.name, hashlib.sha256(document.text.encode()).hexdigest(), prices)


def _check(document: Document[Prices]) -> None:
    prices, place = document.content, document.place
    if not (1 <= len(prices.currency) <= _CURRENCY_MAX and prices.currency.isprintable()):
        raise ConfigError(
            f"{place('currency')} must have 1 to {_CURRENCY_MAX} characters, such as EUR; got "
            f"{prices.currency!r:.60}"
        )
    amounts: dict[tuple[str, ...], float | None] = {
        ("storage_gb_month",): prices.storage_gb_month,
        ("egress_gb",): prices.egress_gb,
        **{("per_hour", kind): price for kind, price in prices.per_hour.items()},
    }
    for key, amount in amounts.items():
        if amount is not None and not 0 <= amount < math.inf:
            raise ConfigError(f"{place(*key)} must be a price of zero or more; got {amount}")
    for kind, size in prices.sizes.items():
        if not (0 < size.cores < math.inf and 0 < size.memory_gb < math.inf):
            raise ConfigError(f"{place('sizes', kind)} must have cores and memory above zero")
    for tier, kind in prices.tiers.items():
        if kind not in prices.per_hour:
            raise ConfigError(
                f"{place('tiers', tier)} must be a type of node with a price under `per_hour`; "
                f"got {kind!r:.60}"
            )
        if not kind.isprintable():
            raise ConfigError(f"{place('tiers', tier)} must be printable; got {kind!r:.60}")
