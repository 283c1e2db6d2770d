"""summary.md: the verdict, short enough for the page of a CI job."""

from typing import Any

from gauntlet.reports import formatting
from gauntlet.reports.markdown_text import markdown
from gauntlet.reports.render import exposure

_MARKS = {"valid": "✅", "invalid": "❌", "unknown": "❔", "not-applicable": "➖"}
_STATUS_MARKS = {"pass": "✅", "warn": "⚠️", "fail": "❌"}
REASONS_MAX = 5


def document(result: dict[str, Any]) -> str:
    """Return the content of summary.md."""
    run, verdict = result["run"], result["verdict"]
    mark = _STATUS_MARKS.get(verdict["status"], "❔")
    name, id_ = markdown(run["scenario"]), run["id"].replace("`", "'")
    lines = [
        f"## {mark} {verdict['status'].upper()} – {name} (exit {verdict['exit_code']})",
        "",
        *(f"- {markdown(reason)}" for reason in verdict["reasons"][:REASONS_MAX]),
        "",
        *(f"> ⚠️ {markdown(caveat)}\n" for caveat in result.get("caveats", ())),
    ]
    if result["counts"]:
        lines += [_numbers(result), ""]
    if audit := result.get("self_audit"):
        lines += [f"Numbers: **{audit['status']}**. {markdown(audit['sentence'])}", ""]
    if lost := lost_connections(result):
        lines += [f"Connections: {markdown(lost)}", ""]
    if result["checks"]:
        lines += [
            "| check | verdict | finding |",
            "|---|---|---|",
            *map(_check, result["checks"]),
            "",
        ]
    if result.get("faults"):
        lines += ["| fault | met by | recovery |", "|---|---|---|"]
        lines += [*map(_fault, result["faults"]), ""]
    if result["objectives"]:
        lines += ["| objective | verdict | finding |", "|---|---|---|"]
        lines += [*map(_objective, result["objectives"]), ""]
    lines.append(f"Run `{id_}`, seed {run['seed']}, {run['stack']} stack.")
    return "\n".join(lines) + "\n"


def lost_connections(result: dict[str, Any]) -> str:
    """Return a sentence on the connections of steady load; empty if none was lost or replaced."""
    found = result.get("connections") or {}
    parts = []
    if found.get("lost"):
        ends = (end for end in found["ends"] if end["steady"])
        kinds = ", ".join(f"{end['steady']:,} {end['text']}" for end in ends)
        rate = formatting.measured("lost_connections_per_1000_min", found["lost_per_1000_min"])
        parts.append(f"{found['lost']:,} lost in steady load ({rate}): {kinds}")
    if found.get("moved"):
        parts.append(f"{found['moved']:,} replaced at the request of the server in steady load")
    return f"{'; '.join(parts)}." if parts else ""


def _numbers(result: dict[str, Any]) -> str:
    counts, latency = result["counts"], result["latency"]
    ack, delivery = latency["ack"]["run"], latency["delivery"]["run"]
    return (
        f"**{counts['acked']:,}** of {counts['ops']:,} messages were acknowledged (p99 "
        f"{formatting.quantile(ack, 'p99')}), and **{counts['presented']:,}** of "
        f"{counts['expected']:,} expected deliveries were made (p99 "
        f"{formatting.quantile(delivery, 'p99')})."
    )


def _check(check: dict[str, Any]) -> str:
    name = check["id"] if check["required"] else f"{check['id']} (not required)"
    verdict = check["verdict"]
    return f"| {name} | {_MARKS[verdict]} {verdict} | {markdown(check['sentence'])} |"


def _fault(fault: dict[str, Any]) -> str:
    name, unknown = markdown(fault["id"]), fault["recovery_unknown"]
    recovery = f"unknown: {unknown}" if unknown else formatting.ms(fault["recovery_ms"])
    return f"| {name} | {exposure.describe(fault.get('exposure'))} | {markdown(recovery)} |"


def _objective(objective: dict[str, Any]) -> str:
    name, verdict = markdown(objective["id"]), objective["verdict"]
    return f"| {name} | {_MARKS[verdict]} {verdict} | {markdown(objective['sentence'])} |"
