"""A card for each cutover: how it ended, why it was rolled back, and how long each state took."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render import anchors
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("cutover", "a card for each cutover: its states, and why it was rolled back")

_MEANINGS = {
    "prepare": "the new edges are started",
    "verify": "two test clients (canaries) write to each other across old and new edges",
    "switch": "new connections go to the new edges",
    "drain": "clients are asked to reconnect",
    "monitor": "waiting until no client is left on the old edges",
    "close": "the old edges close their listeners",
    "retire": "the old edges are removed",
    "rollback": "clients go back to the old edges",
    "done": "every client is on the new edges",
    "rolled-back": "every client is on the old edges",
    "failed": "the cutover can neither go on nor back",
}


def context(page: Page) -> dict[str, Any] | None:
    cutovers = page.result["cutovers"]
    if not cutovers:
        return None
    planned = {
        fault["id"]: (fault.get("params") or {}).get("end", "done")
        for fault in (page.manifest.get("scenario") or {}).get("faults") or []
        if fault.get("kind") == "cutover"
    }
    return {"cards": [_card(cutover, planned.get(cutover["id"])) for cutover in cutovers]}


def _card(cutover: dict[str, Any], expected: str | None) -> dict[str, Any]:
    states = [step["state"] for step in cutover["steps"]]
    back = "rollback" in states or "rolled-back" in states
    end = states[-1] if states else ""
    return {
        "id": cutover["id"],
        "fault": anchors.element_id("fault", cutover["id"]),
        "tone": "unknown" if expected is None else "valid" if end == expected else "invalid",
        "answer": _answer(end, back=back),
        "why": _why(cutover, back=back or end == "failed"),
        "expected": _expected(end, expected),
        "rows": _rows(cutover["steps"]),
    }


def _answer(end: str, *, back: bool) -> str:
    if end == "done":
        return "Completed"
    if end == "failed":
        return "Failed"
    if end == "rolled-back":
        return "Rolled back"
    return "Was being rolled back" if back else "Did not end"


def _why(cutover: dict[str, Any], *, back: bool) -> str:
    """Return why a cutover was rolled back, as the controller of the rollout stated it."""
    if not back:
        return ""
    reason = cutover.get("reason")
    if not reason:
        return "The run has no record of the reason."
    return "Because a rollback was requested." if reason == "requested" else f"Because: {reason}."


def _expected(end: str, expected: str | None) -> str:
    if expected is None or end == expected:
        return "as the scenario expects" if expected else ""
    return "although the scenario expects it to " + (
        "complete" if expected == "done" else "be rolled back"
    )


def _rows(steps: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return each state once it differs from the one before, with the time until the next."""
    entered = [
        step for at, step in enumerate(steps) if not at or step["state"] != steps[at - 1]["state"]
    ]
    ends = [step["at_s"] for step in entered[1:]]
    return [
        {
            "state": step["state"],
            "meaning": _MEANINGS.get(step["state"], ""),
            "at": formatting.seconds(step["at_s"]),
            "took": formatting.ms(1000 * (ends[at] - step["at_s"])) if at < len(ends) else "",
        }
        for at, step in enumerate(entered)
    ]
