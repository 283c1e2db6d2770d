"""What the components of the system used in each second of a run.

Of a stack that Gauntlet boots, the command measures processes (`events/vitals.jsonl`). Other
systems export metrics, which are sampled beside the run (`events/metrics.jsonl`).
"""

import math
from collections import defaultdict
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import RunDir

Column = list[float | None]
# By the name of a measure and of a component.
ComponentUse = dict[str, dict[str, Column]]

MEASURES = (
    "component_cores",
    "component_rss_bytes",
    "component_io_bytes_per_s",
    "database_bytes",
    "component_connections",
)
_KINDS = ("vitals", "metrics")
_GAP_MAX_S = 15  # a row is about the time since the row before, if that is not longer ago


def read(run: RunDir, seconds: int) -> ComponentUse:
    """Return a column of `seconds` values for each measure and component that has any.

    A second in which a component did not run, or was not sampled, has None.
    """
    rows = run.read_events()
    zero_ns = next((row["t_ns"] for row in rows if row.get("phase") == "ramp"), None)
    if zero_ns is None:
        return {}
    found: dict[str, dict[str, Column]] = defaultdict(dict)
    for kind in _KINDS:
        before: int | None = None
        for row in rows:
            if row["kind"] != kind:
                continue
            last = round((row["t_ns"] - zero_ns) / NS_PER_S) - 1
            known = before is not None and last - before <= _GAP_MAX_S
            first = before + 1 if before is not None and known else last
            covered = range(max(0, min(first, last)), min(last + 1, seconds))
            before = last
            _fill(found, row, covered, seconds)
    return {name: found[name] for name in MEASURES if name in found}


def _fill(found: ComponentUse, row: dict[str, Any], covered: range, seconds: int) -> None:
    for measure in MEASURES:
        values = row.get(measure)
        for component, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, int | float) and math.isfinite(value) and covered:
                column = found[measure].setdefault(str(component), [None] * seconds)
                column[covered.start : covered.stop] = [float(value)] * len(covered)
