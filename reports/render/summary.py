"""summary.md: the verdict on one screen of a CI job's page."""

from typing import Any

from gauntlet.reports import formatting

_MARK = {"valid": "✅", "invalid": "❌", "unknown": "❔", "not-applicable": "➖"}
_HEAD = {"pass": "✅", "warn": "⚠️", "fail": "❌"}
REASONS_MAX = 5


def document(result: dict[str, Any]) -> str:
    """The whole file."""
    run, verdict = result["run"], result["verdict"]
    mark = _HEAD.get(verdict["status"], "❔")
    lines = [
        f"## {mark} {verdict['status'].upper()} – {run['scenario']} (exit {verdict['exit_code']})",
        "",
        *(f"- {_cell(reason)}" for reason in verdict["reasons"][:REASONS_MAX]),
        "",
        *(f"> ⚠️ {_cell(caveat)}\n" for caveat in result.get("caveats", ())),
    ]
    if result["counts"]:
        lines += [_numbers(result), ""]
    if audit := result.get("self_audit"):
        lines += [f"Numbers: **{audit['status']}**. {_cell(audit['sentence'])}", ""]
    if result["checks"]:
        lines += ["| check | verdict | |", "|---|---|---|", *map(_check, result["checks"]), ""]
    if result["objectives"]:
        lines += ["| objective | verdict | |", "|---|---|---|"]
        lines += [*map(_objective, result["objectives"]), ""]
    lines.append(f"Run `{run['id']}`, seed {run['seed']}, {run['stack']} stack.")
    return "\n".join(lines) + "\n"


def _numbers(result: dict[str, Any]) -> str:
    counts, run = result["counts"], result["latency"]
    return (
        f"**{counts['acked']:,}** of {counts['ops']:,} messages acknowledged, "
        f"**{counts['presented']:,}** of {counts['expected']:,} deliveries made, "
        f"ack p99 {formatting.quantile(run['ack']['run'], 'p99')}, "
        f"delivery p99 {formatting.quantile(run['delivery']['run'], 'p99')}."
    )


def _check(check: dict[str, Any]) -> str:
    name = check["id"] if check["required"] else f"{check['id']} (not required)"
    return f"| {name} | {_MARK[check['verdict']]} {check['verdict']} | {_cell(check['sentence'])} |"


def _objective(objective: dict[str, Any]) -> str:
    verdict = objective["verdict"]
    return f"| {objective['id']} | {_MARK[verdict]} {verdict} | {_cell(objective['sentence'])} |"


def _cell(text: str) -> str:
    """A text that neither ends a table's cell nor is read as markup."""
    for letter in "\\|<>`*_[]":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")
