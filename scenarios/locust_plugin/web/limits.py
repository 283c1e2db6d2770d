"""The limits that the objectives of a scenario set, where a chart of the IM tab can show them."""

import re
from typing import Any

from gauntlet.core.scenario.model import Objective, Scenario

_LATENCY = re.compile(r"(ack|delivery)_(p50|p90|p95|p99|p999)_ms")
_RATE = "acked_per_s"


def chart_limits(scenario: Scenario) -> list[dict[str, Any]]:
    """Return each limit with its chart (ack, delivery or rate), what it limits, and where it holds.

    `from` and `to` are seconds. The window of a fault is where the fault acts, which is only known
    while it lasts; it is named by `fault`. Windows of recoveries are left out: when a recovery ends
    is known when the run is judged.
    """
    return [
        {"value": objective.value, "op": objective.op, **place, **where}
        for objective in scenario.sla
        if (place := _place(objective)) and (where := _where(objective, scenario))
    ]


def _place(objective: Objective) -> dict[str, str] | None:
    if found := _LATENCY.fullmatch(objective.indicator):
        return {"chart": found[1], "name": found[2].replace("p999", "p99.9")}
    if objective.indicator == _RATE:
        return {"chart": "rate", "name": "acknowledged"}
    return None


def _where(objective: Objective, scenario: Scenario) -> dict[str, Any] | None:
    load, (kind, _, fault) = scenario.load, objective.window.partition(":")
    if kind == "recovery":
        return None
    begin_s = load.ramp if kind == "steady" else 0.0
    return {"window": kind, "fault": fault, "from": begin_s, "to": load.duration_s}
