"""Where on the page the things are that its sentences are about: the targets of links."""

import re
from typing import Any

_PLAIN = re.compile(r"[^A-Za-z0-9-]")
_UNKNOWN = re.compile(r"(?P<ids>.+?) (?:is|are) unknown: ")
_FAULT = re.compile(r"\b[Ff]ault (?P<id>\S+)")
# The beginnings of further reasons, with the section that explains them.
_SECTIONS = {
    "acked-floor: ": "timeline",
    "task-errors: ": "errors",
    "unrecovered: ": "recovery",
    "The harness failed": "environment",
    "The run was cut short": "timeline",
    "The history does not reconcile": "environment",
}


def element_id(kind: str, id_: str) -> str:
    """Return the id of an element; different things never share one, whatever their names are."""
    return f"{kind}-" + _PLAIN.sub(lambda found: f"_{ord(found[0]):x}_", id_)


def of_check(check: dict[str, Any]) -> str:
    """Return where a check is explained: at its evidence, or in the list of checks."""
    return element_id("evidence" if check["witnesses"] else "check", check["id"])


def of_reason(reason: str, result: dict[str, Any]) -> str | None:
    """Return where the evidence for a reason is; None if the page has none."""
    for check in result["checks"]:
        if reason.startswith(f"{check['id']}: {check['sentence']}"):
            return of_check(check)
    objectives = {objective["id"]: objective for objective in result["objectives"]}
    for id_, objective in objectives.items():
        if reason.startswith(f"{id_}: {objective['sentence']}"):
            return element_id("objective", id_)
    for index, guard in enumerate(result.get("guards", ())):
        if guard["fired"] and reason == guard["sentence"]:
            return element_id("guard", str(index))
    unknown = _UNKNOWN.match(reason)
    if unknown and (first := unknown["ids"].split(", ")[0]) in objectives:
        return element_id("objective", first)
    if named := _FAULT.search(reason):
        faults = {fault["id"] for fault in result["faults"]}
        for id_ in (named["id"], named["id"].rstrip(".:,")):
            if id_ in faults:
                return element_id("fault", id_)
    return next((to for start, to in _SECTIONS.items() if reason.startswith(start)), None)
