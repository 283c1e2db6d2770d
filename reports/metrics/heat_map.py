"""How many latencies of each length there were in each span of the timeline.

Two groups of messages, of which one is slow, look like one group of medium speed in a percentile;
here they are two bands.
"""

import math
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.history.arrays import NEVER, Floats, Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.samples import Samples

SPANS_MAX = 150
BINS_PER_DECADE = 6
LEAST_MS = 0.1  # everything faster is in the first bin


def build(history: History) -> dict[str, Any]:
    """Return the maps of acknowledgements and deliveries, by the intended times of messages."""
    zero_ns = history.events.zero_ns
    end_ns = history.events.phases.get("quiesce", NEVER)
    end_ns = max(history.span_ns[1], zero_ns) if end_ns == NEVER else end_ns
    seconds = max(1, math.ceil((end_ns - zero_ns) / NS_PER_S))
    kinds = {"ack": latency.ack(history), "delivery": latency.delivery(history)}
    return {
        name: count(samples, zero_ns, seconds) for name, samples in kinds.items() if samples.size
    }


def count(samples: Samples, zero_ns: int, seconds: int) -> dict[str, Any]:
    """Return one map; its bins begin and end with values that occur."""
    step_s = math.ceil(seconds / SPANS_MAX)
    spans = math.ceil(seconds / step_s)
    counts: list[Ints] = []
    never: list[int] = []
    for span in range(spans):
        begin_ns = zero_ns + span * step_s * NS_PER_S
        inside = samples.between(begin_ns, begin_ns + step_s * NS_PER_S)
        counts.append(inside.histogram(_bins))
        never.append(inside.size - inside.finite)
    size = max(1, *(each.size for each in counts))
    every = np.array([np.pad(each, (0, size - each.size)) for each in counts])
    used = np.flatnonzero(every.any(axis=0))
    first, last = (int(used[0]), int(used[-1])) if used.size else (0, 0)
    edges = LEAST_MS * 10 ** (np.arange(first, last + 2) / BINS_PER_DECADE)
    return {
        "step_s": step_s,
        "edges_ms": [round(float(edge), 4) for edge in edges],
        "counts": every[:, first : last + 1].tolist(),
        "never": never,
    }


def _bins(ms: Floats) -> Ints:
    """Return the bin of each latency."""
    logs = np.log10(np.maximum(ms, LEAST_MS) / LEAST_MS)
    bins: Ints = np.floor(logs * BINS_PER_DECADE).astype(np.int64)
    return bins
