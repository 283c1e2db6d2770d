"""A card for each fault: its proof, what it met, how the clients lived through it, what it cost."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render import anchors, exposure, violations
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("recovery", "a card for each fault: proof, exposure, recovery and cost")

PROOF_LINES_MAX, PROOF_LENGTH_MAX = 8, 200
# The key of each step, its name, and what it means if there is none.
_STEPS = (
    ("noticed_at_s", "noticed by clients", "no client noticed it"),
    ("reconnected_at_s", "all connected again", "no connection was lost"),
    ("drained_at_s", "backlog drained", "no message was late"),
)


def context(page: Page) -> dict[str, Any] | None:
    faults = page.result["faults"]
    if not faults:
        return None
    return {
        "picture": page.pictures.get("recovery"),
        "cards": [_card(fault, page.result) for fault in faults],
    }


def _card(fault: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    beside = violations.beside(fault, result)
    return {
        "id": fault["id"],
        "anchor": anchors.element_id("fault", fault["id"]),
        "what": f"{fault['kind']} of {fault['target']}",
        "tone": _tone(fault, violated=bool(beside)),
        "acted": _acted(fault),
        "exposure": exposure.describe(fault.get("exposure")),
        "proof": _proof(fault["proof"]),
        "all_proof": json.dumps(fault["proof"], sort_keys=True, indent=1) if fault["proof"] else "",
        "failed": fault["failed"],
        "steps": _steps(fault),
        "cost": _cost(fault.get("cost")),
        "violations": [
            {**violation._asdict(), "at": formatting.seconds(violation.at_s)}
            for violation in beside
        ],
    }


def _tone(fault: dict[str, Any], *, violated: bool) -> str:
    """Return the mark of a card: whether anything went wrong with the fault or after it."""
    if violated or fault["failed"] or fault["recovery_ms"] == "inf":
        return "invalid"
    known = fault["recovery_ms"] is not None and fault["effective_at_s"] is not None
    return "valid" if known else "unknown"


def _acted(fault: dict[str, Any]) -> str:
    """Return from when until when a fault acted."""
    if fault["effective_at_s"] is None:
        return "did not take effect"
    begun, healed = (formatting.seconds(fault[name]) for name in ("effective_at_s", "healed_at_s"))
    if fault["healed_at_s"] is None:
        return f"from {begun}, never healed"
    length = formatting.significant(fault["healed_at_s"] - fault["effective_at_s"])
    overran_s = fault.get("overran_s")
    late = f", {overran_s:.1f} s too late" if overran_s else ""
    return f"{begun} to {healed} ({length} s){late}"


def _steps(fault: dict[str, Any]) -> list[dict[str, str]]:
    """Return the four steps of a failover, each with its time."""
    steps = []
    if "noticed_at_s" in fault and fault["effective_at_s"] is not None:
        steps = [{"name": name, **_step(fault, fault[key], none)} for key, name, none in _STEPS]
    took_ms = fault["recovery_ms"]
    if took_ms is None:
        value, note = "unknown", fault["recovery_unknown"]
    elif took_ms == "inf":
        value, note = "never", "in the time allowed"
    else:
        value, note = formatting.ms(took_ms) if took_ms else "at once", "after the heal"
    return [*steps, {"name": "SLA regained", "value": value, "note": note}]


def _step(fault: dict[str, Any], at_s: Any, none: str) -> dict[str, str]:
    if at_s is None:
        return {"value": "–", "note": none}
    if at_s == "inf":
        return {"value": "never", "note": "while the load went on"}
    after_s = float(at_s) - float(fault["effective_at_s"])
    if after_s < 0:  # the proof takes a moment, in which clients may notice already
        return {"value": formatting.ms(-after_s * 1000), "note": "before its proof"}
    return {"value": formatting.ms(after_s * 1000), "note": "after its effect"}


def _cost(cost: Mapping[str, Any] | None) -> list[str]:
    """Return what a fault cost, in messages and in users."""
    if cost is None:
        return []
    messages = _late(cost)
    for key, one, several in (
        ("refused", "send was refused", "sends were refused"),
        ("untried", "send was never attempted", "sends were never attempted"),
        ("unanswered", "send was never answered", "sends were never answered"),
        ("missing", "delivery never came", "deliveries never came"),
        ("missed", "send could not be made", "sends could not be made"),
    ):
        if count := cost.get(key):  # results of older versions have no `untried`
            messages.append(f"{count:,} {one if count == 1 else several}")
    users = f"{cost['disconnected_users']:,} of {cost['users']:,} users lost their connection"
    if cost["disconnected_users"]:
        users += (
            f", for {formatting.significant(cost['disconnected_s'])} s in all, "
            f"{formatting.significant(cost['longest_s'])} s at most"
        )
    else:
        users = f"none of {cost['users']:,} users lost their connection"
    return [f"{each[0].upper()}{each[1:]}." for each in ("; ".join(messages), users)]


def _late(cost: Mapping[str, Any]) -> list[str]:
    """Return how many acknowledgements and deliveries of the messages were late."""
    late = []
    for key, one, several in (
        ("late_acks", "acknowledgement", "acknowledgements"),
        ("late_deliveries", "delivery", "deliveries"),
    ):
        if count := cost[key]:
            late.append(f"{count:,} {one if count == 1 else several}")
    if not late:
        return [f"none of {cost['messages']:,} messages was late"]
    return [f"of {cost['messages']:,} messages, {' and '.join(late)} came late"]


def _proof(proof: Any) -> list[str]:
    """Return the lines of a proof in words: `gateway-1: pid 71, process gone, port refused`."""
    lines = list(_lines(proof)) if isinstance(proof, Mapping) else [str(proof)] if proof else []
    more = len(lines) - PROOF_LINES_MAX
    if more > 1:  # a line that says so would take the place of a single one
        lines[PROOF_LINES_MAX:] = [f"and {more} more, below"]
    return [
        line if len(line) <= PROOF_LENGTH_MAX else f"{line[:PROOF_LENGTH_MAX]}…" for line in lines
    ]


def _lines(proof: Mapping[Any, Any]) -> Iterator[str]:
    """Yield a line for each component or link; `during` may have several of them."""
    for key, value in proof.items():
        if isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values()):
            for name, each in value.items():
                yield f"{_name(key)}, {_name(name)}: {_words(each)}"
        else:
            yield f"{_name(key)}: {_words(value)}"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_pair(str(key), each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(each) for each in value)
    return "none" if value is None else str(value)


def _pair(key: str, value: Any) -> str:
    """Return a name and its value, with the unit of a duration behind the number."""
    name = key.removesuffix("_ms")
    if name != key and isinstance(value, int | float):
        return f"{_name(name)} {formatting.ms(value)}"
    return f"{_name(key)} {_words(value)}"


def _name(key: Any) -> str:
    return str(key).replace("_", " ")
