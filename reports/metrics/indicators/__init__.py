"""The indicators that objectives compare: one number over one window, or why there is none.

Each file measures one family of indicators and describes them. To add an indicator: an entry in its
family's file, or a file with `INDICATORS` and a line here; its test; then `make docs`. See
docs/howto/write-a-plug-in.md.
"""

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.metrics.indicators import (
    connections,
    cutover,
    percentiles,
    recovery,
    resync,
    sends,
)
from gauntlet.reports.metrics.indicators.base import Indicator, Measure

_REGISTERED: tuple[Indicator, ...] = (
    *percentiles.INDICATORS,
    *sends.INDICATORS,
    *resync.INDICATORS,
    *recovery.INDICATORS,
    *cutover.INDICATORS,
    *connections.INDICATORS,
)

KINDS: dict[str, IndicatorKind] = {each.kind.name: each.kind for each in _REGISTERED}
INDICATORS: dict[str, Measure] = {each.kind.name: each.measure for each in _REGISTERED}

# A late generator falsifies latencies and capacity, but neither ratios nor recoveries.
NEED_PUNCTUAL_SENDS = frozenset(name for name, kind in KINDS.items() if kind.punctual)
