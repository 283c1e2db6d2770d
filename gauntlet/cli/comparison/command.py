"""`gauntlet compare`: prints what differs between runs."""

import argparse
import json

from rich.console import Console

from gauntlet.cli.comparison import table
from gauntlet.core.errors import Exit
from gauntlet.reports.comparison import compare


def run(options: argparse.Namespace) -> int:
    """Compare runs; the exit code is 5 if one of them cannot be compared with the first."""
    runs = compare.load(options.directories)
    found = compare.compare(runs)
    if options.json:
        print(json.dumps(found, indent=2, allow_nan=False))
    else:
        table.show(found, Console(highlight=False), complete=options.all)
    possible = all(pair["comparable"] != "no" for pair in found["comparisons"])
    return Exit.OK if possible else Exit.INCONCLUSIVE
