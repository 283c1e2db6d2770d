"""`gauntlet adapter`: tools for authors of adapters."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gauntlet.cli.adapters import scaffold
from gauntlet.cli.adapters.scaffold import Choices
from gauntlet.core import log_scrubber
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.scenario import accounts, secrets, yaml_reader
from gauntlet.core.scenario.model import Tls
from gauntlet.core.scenario.secrets import Secret, Value
from gauntlet.runner.private_values import run_command
from gauntlet.scenarios.conformance import check
from gauntlet.scenarios.conformance.check import Report
from gauntlet.scenarios.conformance.findings import Outcome, Row, exit_code
from gauntlet.scenarios.conformance.subject import Subject

_MARKS = {
    Outcome.HOLDS: "[green]✔ holds[/]",
    Outcome.FAILS: "[bold red]✘ does not hold[/]",
    Outcome.UNKNOWN: "[yellow]? unknown[/]",
}
_UNDECLARED_FAILS = "[dim]– does not hold[/]"
_ERRORS_MAX = 5


def run(options: argparse.Namespace) -> int:
    """Do what was chosen: check an adapter, or write a new one."""
    return create(options) if options.action == "new" else check_adapter(options)


def create(options: argparse.Namespace) -> int:
    """Write the files of a new adapter, and print their paths."""
    choices = Choices(
        name=options.name,
        binary=options.frames == "binary",
        http=options.http,
        numbered=options.numbered,
        acknowledged=options.acknowledged,
        history=options.history,
    )
    for path in scaffold.write(choices, options.out):
        print(path)
    return Exit.OK


def check_adapter(options: argparse.Namespace) -> int:
    """Try every capability of an adapter on a live server, and print what holds."""
    settings, logins = _resolved(options)
    subject = Subject(
        adapter=options.adapter,
        urls=options.url,
        settings=settings,
        accounts=accounts.read(options.accounts, {}) if options.accounts else (),
        password=logins.get("password", ""),
        token=logins.get("token", ""),
        allow_hosts=options.allow_host,
        tls=Tls(ca=options.ca, insecure=options.insecure),
        transport=options.transport or "",
        users=options.users,
    )
    report = check.check(subject, options.timeout)
    code = exit_code(report.rows) if report.connected else Exit.HARNESS
    if options.json:
        print(json.dumps(_document(subject, report, code), indent=2))
    else:
        _show(report, Console(highlight=False))
    return code


def _resolved(options: argparse.Namespace) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the settings, and the password and token of all accounts, without references."""
    logins = {
        name: _reference(f"--{name}", text)
        for name in ("password", "token")
        if (text := getattr(options, name)) is not None
    }
    plain = {"target": {"server": _settings(options.set)}, "accounts": logins}
    values = secrets.resolve(plain, run_command if options.allow_exec else None)
    log_scrubber.install(values)  # the adapter may log its settings
    filled = secrets.filled(plain, values)
    return filled["target"]["server"], filled["accounts"]


def _reference(option: str, text: str) -> dict[str, Any]:
    """Return a reference to a secret; ConfigError, without the text, if it is something else."""
    plain: Any = yaml_reader.read(text, option)[1] if text.startswith("{") else None
    try:
        msgspec.convert(plain, Secret)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{option} must be a reference, because others can read the command line: "
            "{env: VARIABLE}, {file: FILE} or {command: [PROGRAM, ARGUMENT…]}"
        ) from error
    return dict(plain)


def _settings(pairs: Sequence[str]) -> dict[str, Value | dict[str, Any]]:
    """Return `target.server` from `key=value` pairs; a value may be a reference to a secret."""
    settings: dict[str, Value | dict[str, Any]] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not key or not separator:
            raise ConfigError(f"--set must be key=value; got {pair!r}")
        settings[key] = _reference(f"--set {key}", text) if text.startswith("{") else _value(text)
    return settings


def _value(text: str) -> Value:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text


def _show(report: Report, console: Console) -> None:
    if report.connected:
        table = Table("", "declared", "result", "found", box=None)
        for row in report.rows:
            declared = "yes" if row.declared else "[dim]no[/]"
            sentence = Text(row.finding.sentence)
            table.add_row(row.finding.subject, declared, _mark(row), sentence)
        console.print(table)
    else:
        console.print("The users could not connect, so nothing was tried.", style="bold red")
    errors = report.errors[:_ERRORS_MAX]
    if errors:
        console.print("\nerrors, the most frequent first:")
        for error in errors:
            console.print(f"  {error.count:>5,}  {error.kind}: {error.text}", markup=False)
    broken = [row.finding.subject for row in report.rows if row.broken]
    console.print()
    if broken:
        console.print(f"declared, but does not hold: {', '.join(broken)}", style="bold red")
    elif report.connected:
        console.print("No declared capability was found not to hold.", style="green")
    for row in report.rows:
        if row.suggestion:
            console.print(f"suggestion: {row.suggestion}", style="yellow", markup=False)


def _mark(row: Row) -> str:
    if row.finding.outcome is Outcome.FAILS and not row.declared:
        return _UNDECLARED_FAILS
    return _MARKS[row.finding.outcome]


def _document(subject: Subject, report: Report, code: Exit) -> dict[str, Any]:
    return {
        "adapter": subject.adapter,
        "connected": report.connected,
        "exit_code": int(code),
        "findings": [
            {**asdict(row.finding), "declared": row.declared, "suggestion": row.suggestion}
            for row in report.rows
        ],
        "errors": [
            {"concerns": error.kind, "text": error.text, "count": error.count}
            for error in report.errors
        ],
    }
