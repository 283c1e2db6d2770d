"""What the terminal shows at the end of a run: the verdict, its reasons, and where to look next."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.core.marked_text import marked
from gauntlet.core.run_directory import RunDir
from gauntlet.reports import formatting
from gauntlet.reports.render import exposure, summary
from gauntlet.reports.verdict import precedence
from gauntlet.reports.witness import text

_MARK = {
    "valid": "[green]✔ valid[/]",
    "invalid": "[bold red]✘ invalid[/]",
    "unknown": "[yellow]? unknown[/]",
    "not-applicable": "[dim]– not applicable[/]",
}
ERRORS_MAX = 5
WITNESSES_MAX = 2
_STATUS_STYLE = {"pass": "bold green", "warn": "bold yellow", "fail": "bold red"}


def show(run: RunDir, result: dict[str, Any], console: Console, *, hint: str | None) -> None:
    """Print checks, objectives, the verdict with its reasons, and the path of the report."""
    console.print(_checks(result))
    if result.get("faults"):
        console.print(_faults(result))
    if result["objectives"]:
        console.print(_objectives(result))
    if audit := result.get("self_audit"):
        console.print(f"\nnumbers: {audit['status']}. {audit['sentence']}", markup=False)
    if lost := summary.lost_connections(result):
        console.print(f"connections: {lost}", markup=False)
    verdict = result["verdict"]
    style = _STATUS_STYLE.get(verdict["status"], "bold yellow")
    console.print(f"\n[{style}]{verdict['status'].upper()}[/]  exit {verdict['exit_code']}")
    for reason in verdict["reasons"][:5]:
        console.print(marked("·", reason))
    for line in _witnesses(result):
        console.print(line, markup=False, soft_wrap=True)
    for caveat in result.get("caveats", ()):
        console.print(marked("!", caveat, "yellow"))
    if errors := result.get("errors"):
        console.print()
        console.print(_errors(errors))
    console.print(f"\nopen {run.report}", markup=False, soft_wrap=True)
    # For scripts, which read this line.
    console.print(f"run-directory: {run.path}", markup=False, soft_wrap=True)
    if hint:
        console.print(f"next: {hint}", markup=False, soft_wrap=True)


def _witnesses(result: dict[str, Any]) -> Iterator[str]:
    """Yield the slice of the first witness of the checks whose violations are named first."""
    violated = [check for check in result["checks"] if check["verdict"] == "invalid"]
    violated.sort(key=lambda check: (not check["required"], precedence.rank(check["id"])))
    for check in violated[:WITNESSES_MAX]:
        for witness in check.get("witnesses", ())[:1]:
            if cut := witness.get("slice"):
                yield f"\n  {check['id']}: {witness['sentence']}"
                yield from text.slice_lines(cut)
            yield from text.where_lost_lines(witness)


def next_command(scenario: str, bug: str | None) -> str | None:
    """Return a seeded bug to try next, if the scenario is one that catches a bug."""
    caught = (name for name, seeded in BUGS.items() if seeded.scenario == scenario)
    if bug is not None or (found := next(caught, None)) is None:
        return None
    return f"gauntlet run {scenario} --bug {found}   (see it fail)"


def _checks(result: dict[str, Any]) -> Table:
    table = Table("check", "verdict", "examined", "violations", title_justify="left", box=None)
    for check in result["checks"]:
        found = str(check["count"]) if check["count"] else ""
        name = check["id"] if check["required"] else f"[dim]{check['id']}[/]"
        table.add_row(name, _MARK[check["verdict"]], f"{check['examined']:,}", found)
    return table


def _errors(errors: list[dict[str, Any]]) -> Table:
    """Return the most frequent errors; texts of a server are no markup."""
    table = Table("errors", "concern", "most frequent first", box=None)
    for error in errors[:ERRORS_MAX]:
        table.add_row(f"{error['count']:,}", error["concerns"], Text(error["text"]))
    if (more := len(errors) - ERRORS_MAX) > 0:
        table.add_row("", "", f"and {more} more in result.json", style="dim")
    return table


def _faults(result: dict[str, Any]) -> Table:
    table = Table("fault", "met by", "recovery", box=None)
    for fault in result["faults"]:
        unknown = fault["recovery_unknown"]
        recovery = "[yellow]? unknown[/]" if unknown else formatting.ms(fault["recovery_ms"])
        table.add_row(fault["id"], exposure.describe(fault.get("exposure")), recovery)
    return table


def _objectives(result: dict[str, Any]) -> Table:
    table = Table("objective", "verdict", "window", "measured", "limit", box=None)
    for objective in result["objectives"]:
        table.add_row(
            objective["id"],
            _MARK[objective["verdict"]],
            objective["window"],
            formatting.measured(
                objective["indicator"],
                objective["value"],
                at_least=objective.get("at_least", False),
            ),
            f"{objective['op']} {formatting.measured(objective['indicator'], objective['target'])}",
        )
    return table
