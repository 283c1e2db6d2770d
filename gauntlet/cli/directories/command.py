"""The subcommands that work on an existing run directory."""

import argparse
import json
import sys

from rich.console import Console

from gauntlet.cli.running import summary
from gauntlet.core import run_directory
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.interchange.importing import import_history
from gauntlet.reports.interchange.parquet import require_library
from gauntlet.reports.interchange.table import export_table
from gauntlet.reports.render.render import render, render_saved
from gauntlet.reports.trails.reading import read_trails
from gauntlet.reports.verdict.judge import history_of, judge
from gauntlet.reports.witness import life, naming, text


def judge_again(options: argparse.Namespace) -> int:
    """Judge an existing run directory again, or a history that others recorded."""
    if (options.directory is None) == (options.source is None):
        raise ConfigError("judge must be called with a run directory, or with --from FILE")
    if options.source is None:
        directory = RunDir.open(options.directory)
        result = judge(directory)
        run_directory.write_json(directory.result, result)
    else:
        directory = import_history(options.source, options.out, options.argv)
        result = judge(directory)
        run_directory.write_json(directory.result, result)
        render(directory, result)
    summary.show(directory, result, Console(highlight=False), hint=None)
    return int(result["verdict"]["exit_code"])


def explain(options: argparse.Namespace) -> int:
    """Print the life of the messages that a name or a position refers to."""
    directory = RunDir.open(options.directory)
    history, trails = history_of(directory), read_trails(directory, directory.read_events())
    messages = naming.find(history, " ".join(options.message))
    lives = [life.life_of(history, message, trails) for message in messages]
    if options.json:
        print(json.dumps(lives, indent=2))
    else:
        print("\n\n".join("\n".join(text.life_lines(each)) for each in lives))
    return Exit.OK


def export(options: argparse.Namespace) -> int:
    """Write an existing run as a history in JSON lines, or its records as a table."""
    directory = RunDir.open(options.directory)
    as_table = options.format == "parquet"
    if options.to is None:
        if as_table:
            raise ConfigError("--to must name a file for --format parquet; got nothing")
        export_lines(directory, sys.stdout)
        return Exit.OK
    try:
        if as_table:
            require_library()  # before a file is created
            with options.to.open("wb") as binary:
                written = f"{export_table(directory, binary):,} rows"
        else:
            with options.to.open("w", encoding="utf-8") as stream:
                written = f"{export_lines(directory, stream):,} lines"
    except OSError as error:
        raise ConfigError(f"--to must be a file that can be written: {error}") from error
    print(f"{options.to}: {written}")
    return Exit.OK


def report(options: argparse.Namespace) -> int:
    """Render the report of an existing run directory, and print the files written."""
    directory = RunDir.open(options.directory)
    if directory.result.exists():
        artifacts = render_saved(directory)
    else:
        artifacts = render(directory, judge(directory))
    for artifact in artifacts:
        print(directory.path / artifact)
    return Exit.OK
