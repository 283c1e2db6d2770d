"""The first screen: the verdict, its three most severe reasons, and the most important figures."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render import anchors
from gauntlet.reports.render.sections.page import Page

REASONS_MAX = 3

HEADLINES = {
    "pass": "Passed",
    "warn": "Passed, with warnings",
    "fail": "Failed",
    "inconclusive": "Inconclusive",
    "aborted": "Cut short",
    "error": "Harness error",
}
MEANINGS = {
    "pass": "Every required check held and every objective was met.",
    "warn": "Every required check held, but a check or an objective that only warns did not.",
    "fail": "A required check or objective was violated.",
    "inconclusive": "A required check or objective could not be judged. This is not a pass.",
    "aborted": "The run ended early; only the part that ran was judged.",
    "error": "The harness failed or a fault was not healed, so nothing is proven about the system.",
}

KIND = SectionKind("verdict", "the verdict with its reasons and caveats")


def context(page: Page) -> dict[str, Any]:
    result = page.result
    status = result["verdict"]["status"]
    reasons = result["verdict"]["reasons"]
    return {
        "status": status,
        "headline": HEADLINES[status],
        "meaning": MEANINGS[status],
        "exit_code": result["verdict"]["exit_code"],
        "reasons": [
            {"sentence": reason, "anchor": anchors.of_reason(reason, result)} for reason in reasons
        ],
        "shown": REASONS_MAX,
        "trust": result["self_audit"]["status"] if "self_audit" in result else None,
        "caveats": result.get("caveats", []),
        "tiles": _tiles(result) if result["counts"] else [],
    }


def _tiles(result: dict[str, Any]) -> list[dict[str, Any]]:
    counts, latency = result["counts"], result["latency"]
    missing = counts["missing"]
    failed = counts["rejected"] + counts["unknown"]
    sent = f"of {counts['ops']:,} sent"
    if missed := counts.get("missed", 0):
        sent += f"; {missed:,} more were missed"
    lost = next((check["count"] for check in result["checks"] if check["id"] == "lost-acked"), 0)
    # Deliveries may be missing for a reason that violates nothing, such as an interruption.
    violated = {check["id"] for check in result["checks"] if check["verdict"] == "invalid"}
    wrong = missing > 0 and bool(violated & {"undelivered", "history-gap", "lost-acked"})
    tiles = [
        _tile("messages acknowledged", counts["acked"], sent),
        _tile("acknowledged but lost", lost, "missing from storage", bad=lost > 0),
        _tile("deliveries made", counts["presented"], f"of {counts['expected']:,} expected"),
        _tile("deliveries missing", missing, "never presented", bad=wrong),
        _tile(
            "sends failed", failed, f"{counts['rejected']:,} refused, {counts['unknown']:,} unknown"
        ),
        _p99("acknowledged", latency["ack"]),
        _p99("delivered", latency["delivery"]),
    ]
    return [*tiles, *_recovery_tile(result["faults"])]


def _tile(label: str, value: int, note: str, *, bad: bool = False) -> dict[str, Any]:
    return {"label": label, "value": formatting.number(value), "note": note, "bad": bad}


def _p99(what: str, windows: dict[str, Any]) -> dict[str, Any]:
    return {
        "label": f"99 % {what} within",
        "value": formatting.quantile(windows["steady"], "p99"),
        "note": f"in steady load; {formatting.quantile(windows['run'], 'p99')} over the whole run",
        "bad": False,
    }


def _recovery_tile(faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not faults:
        return []
    known = [fault for fault in faults if fault["recovery_ms"] is not None]
    if not known:
        return [{"label": "slowest recovery", "value": "–", "note": "unknown", "bad": False}]
    slowest = max(known, key=lambda fault: float(fault["recovery_ms"]))
    never = slowest["recovery_ms"] == "inf"
    return [
        {
            "label": "slowest recovery",
            "value": "never" if never else formatting.ms(slowest["recovery_ms"]),
            "note": f"after {slowest['id']}",
            "bad": never,
        }
    ]
