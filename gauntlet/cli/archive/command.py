"""`gauntlet runs`: lists the runs of a folder, labels them, and removes old ones."""

import argparse
import json
import sys

from rich.console import Console
from rich.prompt import Confirm

from gauntlet.cli.archive import table
from gauntlet.core import labels
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.archive import pruning
from gauntlet.reports.archive.listing import Entry, entries


def run(options: argparse.Namespace) -> int:
    """List, label or prune runs."""
    if options.action == "label":
        return _label(options)
    if options.action == "prune":
        return _prune(options)
    found = _chosen(options)
    if options.json:
        print(json.dumps([_row(entry) for entry in found], indent=2))
    else:
        table.show(found, Console(highlight=False))
    return Exit.OK


def _chosen(options: argparse.Namespace) -> list[Entry]:
    wanted = labels.parse(options.labelled)
    return [entry for entry in entries(options.out) if entry.has(wanted)]


def _row(entry: Entry) -> dict[str, object]:
    return {**entry._asdict(), "path": str(entry.path)}


def _label(options: argparse.Namespace) -> int:
    run = RunDir.open(options.directory)
    changes = labels.parse(options.labels)
    try:
        now = labels.change(run, changes)
    except OSError as error:
        raise ConfigError(f"{run.labels} must be writable: {error.strerror}") from error
    print(f"{run.path}: {labels.text(now) or 'no labels'}")
    return Exit.OK


def _prune(options: argparse.Namespace) -> int:
    console = Console(highlight=False)
    chosen = pruning.to_remove(_chosen(options), options.keep, options.scenario)
    if not chosen:
        print("No run is to be removed.")
        return Exit.OK
    table.show(chosen, console)
    if options.dry_run:
        print("Nothing was removed (--dry-run).")
        return Exit.OK
    if not (options.yes or _confirmed(len(chosen), console)):
        print("Nothing was removed.")
        return Exit.OK
    removed = sum([_removed(entry) for entry in chosen])
    print(f"{removed} of {len(chosen)} runs were removed.")
    return Exit.OK if removed == len(chosen) else Exit.FAILED


def _confirmed(count: int, console: Console) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("runs prune must be called with --yes where it cannot ask")
    return Confirm.ask(f"Remove these {count} runs?", console=console, default=False)


def _removed(entry: Entry) -> bool:
    try:
        removed = pruning.remove(entry)
    except OSError as error:
        print(f"{entry.path} cannot be removed: {error}", file=sys.stderr)
        return False
    if not removed:
        print(f"{entry.path} was kept, because it is being written again.", file=sys.stderr)
    return removed
