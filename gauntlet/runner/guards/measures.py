"""What guards read from the live rows: one measure for each check and each indicator. Pure.

The counters of a live row count from the start of the load; its percentiles are those of the last
second, with several workers the highest of their values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gauntlet.core.scenario import catalog

Row = Mapping[str, Any]

# level   the value of the last second; it must hold in each second of the guard's `for`
# ratio   a share over the guard's `for`, at least a second
# rate    a count per second over the guard's `for`, at least a second
# count   how much a counter has risen since the guard became active
# age     how many seconds a suspicion has lasted, while the guard was active
Kind = Literal["level", "ratio", "rate", "count", "age"]


@dataclass(frozen=True)
class Measure:
    """How one name is measured: `value` and `samples` of a live row, and a text for its value.

    Both figures of a ratio or a rate rise all the time; the guard takes their differences.
    """

    kind: Kind
    value: Callable[[Row], float | None]
    samples: Callable[[Row], float]
    text: str


def _field(name: str) -> Callable[[Row], float | None]:
    return lambda row: row.get(name)


def _sum(*names: str) -> Callable[[Row], float]:
    return lambda row: sum(row.get(name) or 0 for name in names)


_ENDED = _sum("acked", "rejected", "unknown")
_NO_SAMPLES = _sum()

_PERCENTILES = {
    f"{kind}_{share}_ms": Measure(
        "level",
        _field(f"{kind}_{share}_ms"),
        _sum("acked" if kind == "ack" else "delivered"),
        f"{kind}_{share}_ms was {{value:,.1f}}",
    )
    for kind in ("ack", "delivery")
    for share in ("p50", "p99", "p999")
}

MEASURES: dict[str, Measure] = {
    **_PERCENTILES,
    "send_errors_ratio": Measure(
        "ratio",
        _sum("rejected", "unknown"),
        _ENDED,
        "{value:.1%} of the {samples:,.0f} sends that ended were refused or had no answer",
    ),
    "missed_arrivals_ratio": Measure(
        "ratio",
        _sum("missed"),
        _sum("missed", "sent"),
        "{value:.1%} of the {samples:,.0f} intended sends were not made",
    ),
    "missed_arrivals_count": Measure(
        "count", _sum("missed"), _sum("missed", "sent"), "{value:,.0f} intended sends were not made"
    ),
    "acked_per_s": Measure(
        "rate", _sum("acked"), _sum("sent"), "{value:,.1f} messages per second were acknowledged"
    ),
    "lost-acked": Measure(
        "age",
        _field("unseen_oldest_s"),
        _NO_SAMPLES,
        "for {value:.1f} s no receiver has presented an acknowledged message",
    ),
    "undelivered": Measure(
        "age",
        _field("undelivered_oldest_s"),
        _NO_SAMPLES,
        "for {value:.1f} s a connected receiver has not presented an acknowledged message",
    ),
    "wire-order": Measure(
        "count", _sum("backward"), _sum("delivered"), "{value:,.0f} pushes went backwards"
    ),
}
assert MEASURES.keys() == {*catalog.GUARD_CHECKS, *catalog.GUARD_INDICATORS}
