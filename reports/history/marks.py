"""Marks: when others began and ended a fault, as `gauntlet mark` recorded it.

They are turned into the rows that the fault timeline would have written, so that everything else
treats these faults as any other. A fault that the scenario does not name is added to it.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.model import Duration, Fault, Scenario
from gauntlet.core.scenario.moments import FixedTime

OBSERVED = "observed"


class MarkedSpan(NamedTuple):
    """A fault from its beginning to its end, which is None if it was not marked."""

    begin_ns: int
    end_ns: int | None


def apply_marks(
    rows: list[dict[str, Any]], scenario: Scenario
) -> tuple[list[dict[str, Any]], Scenario]:
    """Return the rows with the marked times in place of the planned ones, and the scenario."""
    marked = _by_fault(rows)
    if not marked:
        return rows, scenario
    zero_ns = _phase_ns(rows, "ramp") or 0
    end_ns = _phase_ns(rows, "quiesce")
    planned = {fault.id: fault for fault in scenario.faults}
    kept = [row for row in rows if row["kind"] != "fault" or row["id"] not in marked]
    added: list[Fault] = []
    for name, span in marked.items():
        until_ns = span.end_ns if span.end_ns is not None else end_ns
        kept += _steps(name, span.begin_ns, until_ns)
        if name not in planned:
            at_s = max(0.0, (span.begin_ns - zero_ns) / NS_PER_S)
            lasts_s = max(0.0, ((until_ns or span.begin_ns) - span.begin_ns) / NS_PER_S)
            added.append(Fault(id=name, kind=OBSERVED, at=FixedTime(at_s), for_=Duration(lasts_s)))
    ordered = sorted(kept, key=lambda row: int(row["t_ns"]))
    return ordered, msgspec.structs.replace(scenario, faults=[*scenario.faults, *added])


def _by_fault(rows: Iterable[dict[str, Any]]) -> dict[str, MarkedSpan]:
    """Return the spans by name: `ID`, and for further spans of the same fault `ID-2` and so on."""
    begun: dict[str, list[int]] = {}
    ended: dict[str, list[int]] = {}
    for row in rows:
        if row["kind"] == "mark":
            (begun if row["step"] == "begin" else ended).setdefault(row["id"], []).append(
                int(row["t_ns"])
            )
    spans: dict[str, MarkedSpan] = {}
    for fault, begins in begun.items():
        for number, begin_ns in enumerate(sorted(begins), 1):
            following = [other for other in begins if other > begin_ns]
            limit_ns = min(following, default=None)
            ends = [
                end_ns
                for end_ns in ended.get(fault, ())
                if end_ns >= begin_ns and (limit_ns is None or end_ns <= limit_ns)
            ]
            name = fault if number == 1 else f"{fault}-{number}"
            spans[name] = MarkedSpan(begin_ns, min(ends, default=limit_ns))
    return spans


def _steps(name: str, begin_ns: int, end_ns: int | None) -> list[dict[str, Any]]:
    common = {
        "writer": "mark", "kind": "fault", "id": name, "fault": OBSERVED, "target": "",
        "proof": {}, "detail": {},
    }  # fmt: skip
    times: list[tuple[str, int]] = [("requested", begin_ns), ("effective", begin_ns)]
    if end_ns is not None:
        times += [("heal-requested", end_ns), ("healed", end_ns)]
    return [{**common, "step": step, "t_ns": t_ns} for step, t_ns in times]


def _phase_ns(rows: Iterable[dict[str, Any]], phase: str) -> int | None:
    found = (
        int(row["t_ns"])
        for row in rows
        if row["kind"] == "phase" and row["phase"] == phase and row["writer"].startswith("load")
    )
    return min(found, default=None)
