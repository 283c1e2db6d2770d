"""`gauntlet compare`: prints what differs between runs."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from gauntlet.cli.comparison import table
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.reports.comparison import compare
from gauntlet.reports.comparison.saved_run import SavedRun
from gauntlet.reports.render import comparison


def run(options: argparse.Namespace) -> int:
    """Compare runs; the exit code is 5 if one of them cannot be compared with the first."""
    runs = compare.load(options.directories)
    found = compare.compare(runs)
    if options.html is not None:
        _write(options.html, found, runs)
    if options.json:
        print(json.dumps(found, indent=2, allow_nan=False))
    else:
        table.show(found, Console(highlight=False), complete=options.all)
    possible = all(pair["comparable"] != "no" for pair in found["comparisons"])
    return Exit.OK if possible else Exit.INCONCLUSIVE


def _write(file: Path, found: dict[str, Any], runs: Sequence[SavedRun]) -> None:
    if file.suffix not in (".html", ".htm"):
        raise ConfigError(f"--html must name a file that ends with .html; got {file}")
    try:
        comparison.write(file, found, runs)
    except OSError as error:
        raise ConfigError(f"--html: the page cannot be written to {file}: {error}") from error
