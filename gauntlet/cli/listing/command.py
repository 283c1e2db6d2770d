"""`gauntlet list`: prints the scenarios of the library, one of them, or the failure table."""

import argparse

from gauntlet.cli.listing import failure_table
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.scenarios import library


def run(options: argparse.Namespace) -> int:
    """Print the scenarios of the library, one of them as YAML, or the failure table."""
    if options.show is not None:
        print(_library_file(options.show), end="")
        return Exit.OK
    if options.stack and not options.failure_table:
        raise ConfigError("--stack can only be given together with --failure-table")
    if options.failure_table and not options.names:
        print(failure_table.text(options.stack))
        return Exit.OK
    if options.failure_table:
        lines = failure_table.names(options.stack)
    elif options.names:
        lines = [scenario.name for scenario in library.all_scenarios()]
    else:
        lines = [f"{each.name:20} {each.about}" for each in library.all_scenarios()]
    print("\n".join(lines))
    return Exit.OK


def _library_file(name: str) -> str:
    if name not in library.names():
        known = ", ".join(library.names())
        raise ConfigError(f"--show must be one of: {known}; got {name!r}")
    return library.path(name).read_text(encoding="utf-8")
