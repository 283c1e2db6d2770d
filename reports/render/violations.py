"""Which violations belong to which fault: those while it acted, just before it, or soon after."""

from typing import Any, NamedTuple

from gauntlet.reports.render import anchors

BEFORE_S = 2.0  # a crash loses what was accepted shortly before it
AFTER_S = 5.0  # with an unknown recovery


class Violation(NamedTuple):
    """A witness of a check, the place of its evidence, and how it lies to a fault."""

    check: str
    sentence: str
    at_s: float
    anchor: str
    relation: str


def beside(fault: dict[str, Any], result: dict[str, Any]) -> list[Violation]:
    """Return the violations of a fault, in the order of time."""
    found = []
    for check in result["checks"]:
        for number, witness in enumerate(check["witnesses"]):
            at_s = witness.get("at_s")
            if at_s is not None and (relation := _relation(fault, float(at_s), result)):
                anchor = anchor_of(check["id"], number)
                found.append(
                    Violation(check["id"], witness["sentence"], float(at_s), anchor, relation)
                )
    return sorted(found, key=lambda violation: violation.at_s)


def faults_of(witness: dict[str, Any], result: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the ids of the faults to which a violation belongs, each with its relation."""
    at_s = witness.get("at_s")
    if at_s is None:
        return []
    related = ((each["id"], _relation(each, float(at_s), result)) for each in result["faults"])
    return [(id_, relation) for id_, relation in related if relation]


def anchor_of(check: str, number: int) -> str:
    """Return where the evidence of a witness is."""
    return anchors.element_id(f"witness-{number}", check)


def _relation(fault: dict[str, Any], at_s: float, result: dict[str, Any]) -> str:
    """Return how a time lies to a fault, in words; empty if it is far from it.

    A fault near a violation counts only if none acted at its time.
    """
    if _acted(fault, at_s):
        return "while it acted"
    begun, healed = fault["effective_at_s"], fault["healed_at_s"]
    if begun is None or any(_acted(other, at_s) for other in result["faults"]):
        return ""
    if 0 <= begun - at_s <= BEFORE_S:
        return "shortly before it"
    if healed is not None and 0 <= at_s - healed <= _after_s(fault, result):
        return "during the recovery from it"
    return ""


def _acted(fault: dict[str, Any], at_s: float) -> bool:
    begun, healed = fault["effective_at_s"], fault["healed_at_s"]
    return begun is not None and begun <= at_s and (healed is None or at_s <= healed)


def _after_s(fault: dict[str, Any], result: dict[str, Any]) -> float:
    name = f"recovery:{fault['id']}"
    ends = (window["to_s"] for window in result["windows"] if window["name"] == name)
    until = next(ends, None)
    took_s = AFTER_S if until is None else float(until) - float(fault["healed_at_s"])
    return max(took_s, AFTER_S)
