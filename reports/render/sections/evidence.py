"""The messages of each violation: what happened to each, record by record."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render import anchors, sequence, violations
from gauntlet.reports.render.sections.page import Page
from gauntlet.reports.verdict import precedence

COLUMNS = ("at", "event", "user", "edge", "link", "position", "channel", "mark")

KIND = SectionKind("evidence", "the messages behind violated checks")


def context(page: Page) -> dict[str, Any] | None:
    violated = [check for check in page.result["checks"] if check["witnesses"]]
    if not violated:
        return None
    violated.sort(key=lambda check: precedence.rank(check["id"]))
    return {
        "columns": COLUMNS,
        "checks": [
            {
                "id": check["id"],
                "anchor": anchors.of_check(check),
                "count": check["count"],
                "witnesses": [
                    {
                        **_witness(witness, page.result),
                        "anchor": violations.anchor_of(check["id"], number),
                    }
                    for number, witness in enumerate(check["witnesses"])
                ],
            }
            for check in violated
        ],
    }


def _when(witness: dict[str, Any]) -> str:
    """Return a witness's time, empty if it has none."""
    return "" if witness.get("at_s") is None else f"At {witness['at_s']:.3f} s"


def _faults(witness: dict[str, Any], result: dict[str, Any]) -> list[dict[str, str]]:
    """Return the faults beside which a violation stands, with the places of their cards."""
    return [
        {"id": id_, "anchor": anchors.element_id("fault", id_), "relation": relation}
        for id_, relation in violations.faults_of(witness, result)
    ]


def _witness(witness: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {
        "sentence": witness["sentence"],
        "when": _when(witness),
        "faults": _faults(witness, result),
        "any_faults": bool(result["faults"]),
        "where_lost": witness.get("where_lost"),
        "diagram": sequence.layout(cut) if (cut := witness.get("slice")) else None,
        "omitted": formatting.number(cut["omitted"]) if cut and cut["omitted"] else "",
        "messages": [
            {
                **message,
                "records": [
                    {**record, "at": f"{record['at_s']:.3f} s"} for record in message["records"]
                ],
                "omitted": formatting.number(message["omitted"]) if message["omitted"] else "",
            }
            for message in witness["messages"]
        ],
    }
