"""How users lost their connections: who closed them, with which code, and when.

Every figure is about steady load, that is, outside all faults, cutovers and recoveries, if it does
not say otherwise.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.history import ClosedBy
from gauntlet.reports.history.arrays import Bools, Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import availability
from gauntlet.reports.metrics.indicators.base import IndicatorInput
from gauntlet.reports.metrics.windows import Window

PER_MINUTES = 1_000
_ABNORMAL = 1006
# What codes mean: those of RFC 6455 and its registry, and those of the reference server, which the
# client uses as well.
_MEANINGS = {
    1000: "normal",
    1001: "going away",
    1002: "protocol error",
    1005: "without a code",
    1008: "policy violation",
    1009: "message too big",
    1011: "internal error",
    1012: "restarting",
    1013: "try again later",
    4008: "slow consumer",
    4009: "silent",
    4010: "idle",
    4500: "bad frame",
    4501: "unauthorized",
    4502: "too many frames",
}


@dataclass(frozen=True)
class End:
    """Lost connections that ended in the same way, in steady load and at any other time."""

    closed_by: int
    code: int
    steady: int
    otherwise: int
    first_ns: int
    last_ns: int

    @property
    def text(self) -> str:
        """How they ended, as a participle: `closed by the server with 1001 (going away)`."""
        return end_text(self.closed_by, self.code)


@dataclass(frozen=True)
class ConnectionEnds:
    """What became of the connections of a run; `minutes` is how long they were open, added up.

    `moved` is how many were replaced by new ones. `ends` are the lost ones, the most frequent ones
    in steady load first.
    """

    lost: int
    moved: int
    minutes: float
    ends: tuple[End, ...]

    @property
    def per_1000_min(self) -> float | None:
        """Lost connections per 1,000 minutes of a connection; None if none was open."""
        return PER_MINUTES * self.lost / self.minutes if self.minutes else None


def measure(history: History, steady: Window) -> ConnectionEnds:
    """Return how the connections of a run ended until the audit."""
    known = history.sessions.connections
    audit_ns = history.events.phases.get("audit", steady.end_ns)
    ended = availability.lost(history) & (known.down_ns < audit_ns)
    inside = steady.contains(known.down_ns)
    kinds = np.stack([known.closed_by[ended], known.close_code[ended]], axis=1)
    ends = [
        _end(known.down_ns[chosen], inside[chosen], *map(int, kind))
        for kind in np.unique(kinds, axis=0)
        for chosen in [ended & _is(history, *map(int, kind))]
    ]
    ends.sort(key=lambda end: (-end.steady, -end.otherwise, end.first_ns))
    return ConnectionEnds(
        lost=availability.lost_connections(history, steady)[0],
        moved=availability.moved_connections(history, steady)[0],
        minutes=availability.connection_minutes(history, steady),
        ends=tuple(ends),
    )


def describe(history: History, window: Window) -> str:
    """Return a sentence on the connections that were lost in a window; empty if none was."""
    known = history.sessions.connections
    lost = np.flatnonzero(availability.lost(history) & window.contains(known.down_ns))
    if not lost.size:
        return ""
    kinds: dict[str, int] = {}
    for index in lost.tolist():
        text = end_text(int(known.closed_by[index]), int(known.close_code[index]))
        kinds[text] = kinds.get(text, 0) + 1
    counted = sorted(kinds.items(), key=lambda kind: -kind[1])
    first = int(lost[np.argmin(known.down_ns[lost])])
    connection = history.names.connections[int(known.link[first])]
    to = f" to {connection.edge}" if connection.edge else ""
    return (
        f"{', '.join(f'{count:,} {text}' for text, count in counted)}; the first is that of "
        f"{history.names.user(connection.user)}{to} at "
        f"{history.events.at_s(int(known.down_ns[first])):.1f} s."
    )


def end_text(closed_by: int, code: int) -> str:
    """Return how a connection ended, as a participle with the close code."""
    meaning = f"{code} ({_MEANINGS[code]})" if code in _MEANINGS else str(code)
    if closed_by == ClosedBy.CLIENT:
        return f"given up by the client with {meaning}"
    if code == _ABNORMAL:
        return "lost without a close frame (1006)"
    return f"closed by the server with {meaning}" if closed_by else f"ended with {meaning}"


def of_run(run: IndicatorInput) -> dict[str, Any]:
    """Return `connections` of result.json."""
    found, at_s = measure(run.history, run.windows["steady"]), run.history.events.at_s
    return {
        "lost": found.lost,
        "moved": found.moved,
        "connection_min": round(found.minutes, 3),
        "lost_per_1000_min": found.per_1000_min,
        "ends": [
            {
                "text": end.text,
                "closed_by": _NAMES.get(end.closed_by),
                "code": end.code,
                "steady": end.steady,
                "otherwise": end.otherwise,
                "first_at_s": at_s(end.first_ns),
                "last_at_s": at_s(end.last_ns),
            }
            for end in found.ends
        ],
    }


_NAMES: dict[int, str] = {each: each.name.lower() for each in ClosedBy}


def _is(history: History, closed_by: int, code: int) -> Bools:
    known = history.sessions.connections
    found: Bools = (known.closed_by == closed_by) & (known.close_code == code)
    return found


def _end(down_ns: Ints, steady: Bools, closed_by: int, code: int) -> End:
    inside = int(steady.sum())
    return End(
        closed_by, code, inside, down_ns.size - inside, int(down_ns.min()), int(down_ns.max())
    )
