"""`gauntlet clean`: removes from a running system what a run has created there."""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from gauntlet.cli.cleanup import table
from gauntlet.core import log_scrubber, run_directory
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.run_directory import RunDir, restrict_new_files
from gauntlet.core.scenario import loader, secrets
from gauntlet.core.scenario.model import Scenario, from_builtins, to_builtins
from gauntlet.runner import private_values
from gauntlet.scenarios import adapters
from gauntlet.scenarios.cleanup import run_record
from gauntlet.scenarios.cleanup.cleaner import Cleaner, Plan
from gauntlet.scenarios.cleanup.outcome import Outcome, Status
from gauntlet.scenarios.cleanup.run_record import RunRecord
from gauntlet.scenarios.cleanup.sessions import Sessions
from gauntlet.scenarios.engine.scrubbing import error_log_of

# A run without a result whose live figures are younger than this is still going on.
_LIVE_S = 15.0


def run(options: argparse.Namespace) -> int:
    """Remove what the run has created; the exit code is 1 if something could not be removed."""
    directory = RunDir.open(options.directory)
    manifest = directory.read_manifest()
    console = Console(highlight=False, stderr=options.json)
    written = _scenario_of(manifest)
    if written.target.stack != "external":
        console.print(
            f"The run started the stack {written.target.stack} itself, which has ended with all of "
            "its data: there is nothing to remove."
        )
        return _finish(options, [], console, None)
    _refuse_a_run_under_way(directory)
    scenario = _with_secrets(written, options.scenario, allow_exec=options.allow_exec)
    tag = str(manifest.get("tag", ""))
    if not tag:
        raise ConfigError(
            f"{directory.manifest} has no tag, because the load of the run did not start, or a "
            "version of Gauntlet recorded it that could not remove anything"
        )
    adapter, transport = adapters.create(scenario.target, scenario.load.transport)
    record = run_record.read(directory, tag, scenario.accounts)
    plan = Plan(adapter, record.members)
    plan.keep_the_rest(record)
    if options.dry_run:
        return _finish(options, plan.outcomes(), console, record)
    users = [member.user for member in record.members]
    sessions = Sessions(
        scenario.target,
        adapter,
        transport,
        users,
        record.conversations,
        error_log_of(scenario, users),
    )
    outcomes: list[Outcome] = []
    with _log(directory, outcomes) as on_outcome:
        for name in record.without_account:
            reason = "the file of accounts has no row of this name any more"
            on_outcome(Outcome("user", name, name, Status.FAILED, 0, reason))
        asyncio.run(Cleaner(plan, sessions, on_outcome).clean(options.timeout))
    return _finish(options, outcomes, console, record)


def _scenario_of(manifest: dict[str, Any]) -> Scenario:
    try:
        return from_builtins(manifest["scenario"])
    except (KeyError, msgspec.ValidationError) as error:
        raise ConfigError(f"the manifest of the run has no valid scenario: {error}") from error


def _refuse_a_run_under_way(directory: RunDir) -> None:
    if directory.result.exists() or not directory.live.exists():
        return
    age_s = time.time() - directory.live.stat().st_mtime
    if age_s < _LIVE_S:
        raise ConfigError(
            f"{directory.path} must be a run that has ended; its load wrote {directory.live.name} "
            f"{age_s:.0f} s ago"
        )


def _with_secrets(written: Scenario, file: Path | None, *, allow_exec: bool) -> Scenario:
    """Return the scenario of a manifest with its secrets.

    References are resolved again; literal values are those of the scenario file.
    """
    plain = to_builtins(written)
    if file is not None:
        _, literals = secrets.separate(to_builtins(loader.load(file)))
        plain = secrets.filled(plain, literals)
    resolved = private_values.resolve(from_builtins(plain), allow_exec=allow_exec)
    log_scrubber.install(resolved.values)
    if missing := secrets.missing(to_builtins(resolved.filled)):
        raise ConfigError(
            f"{missing[0]} was a literal value in the scenario, which no run directory contains: "
            "name the scenario file with --scenario, or refer to the value by {env: …} or {file: …}"
        )
    return resolved.filled


@contextmanager
def _log(directory: RunDir, outcomes: list[Outcome]) -> Iterator[Callable[[Outcome], None]]:
    """Collect outcomes, and append each one to `clean.jsonl` when it is known."""
    restrict_new_files()
    run_directory.require_regular(directory.cleaned)
    with directory.cleaned.open("a", encoding="utf-8") as file:

        def on_outcome(outcome: Outcome) -> None:
            outcomes.append(outcome)
            row = {"wall_ns": time.time_ns(), **asdict(outcome)}
            file.write(json.dumps(row, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())

        yield on_outcome


def _finish(
    options: argparse.Namespace,
    outcomes: Sequence[Outcome],
    console: Console,
    record: RunRecord | None,
) -> Exit:
    failed = any(outcome.status is Status.FAILED for outcome in outcomes)
    code = Exit.FAILED if failed else Exit.OK
    if options.json:
        rows = [asdict(outcome) for outcome in outcomes]
        print(json.dumps({"exit_code": int(code), "outcomes": rows}, indent=2))
    if record is not None:
        table.show(outcomes, record, console)
    return code
