"""The messages of each violation: what happened to each, record by record."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render import sequence
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
                "count": check["count"],
                "witnesses": [_witness(witness) for witness in check["witnesses"]],
            }
            for check in violated
        ],
    }


def _when(witness: dict[str, Any]) -> str:
    """Return a witness's time and the faults that acted then, in words."""
    if witness.get("at_s") is None:
        return ""
    faults = ", ".join(witness["faults"])
    return f"At {witness['at_s']:.3f} s" + (f", while {faults} acted." if faults else ".")


def _witness(witness: dict[str, Any]) -> dict[str, Any]:
    return {
        "sentence": witness["sentence"],
        "when": _when(witness),
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
