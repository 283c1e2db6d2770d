"""Each fault: when it was active, the proof of it, and how long the service took to recover."""

import json
from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render import exposure
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("recovery", "each fault: its proof and the recovery after it")


def context(page: Page) -> dict[str, Any] | None:
    faults = page.result["faults"]
    if not faults:
        return None
    return {
        "picture": page.pictures.get("recovery"),
        "rows": [_row(fault) for fault in faults],
    }


def _row(fault: dict[str, Any]) -> dict[str, Any]:
    took_ms = fault["recovery_ms"]
    if took_ms is None:
        recovery = f"unknown: {fault['recovery_unknown']}"
    else:
        recovery = "did not recover" if took_ms == "inf" else formatting.ms(took_ms)
    return {
        "id": fault["id"],
        "what": f"{fault['kind']} of {fault['target']}",
        "effective": formatting.seconds(fault["effective_at_s"]),
        "healed": _healed(fault),
        "recovery": recovery,
        "exposure": exposure.describe(fault.get("exposure")),
        "proof": json.dumps(fault["proof"], sort_keys=True) if fault["proof"] else "none",
        "failed": fault["failed"],
    }


def _healed(fault: dict[str, Any]) -> str:
    healed = formatting.seconds(fault["healed_at_s"])
    overran_s = fault.get("overran_s")
    return f"{healed}, {overran_s:.1f} s too late" if overran_s else healed
