#!/usr/bin/env python3
"""Link the packages into one tree in which their folders match their import names.

`scenarios/` is imported as `gauntlet.scenarios`, and so are `chaos/`, `reports/` and
`reference_server/`: `package-dir` in pyproject.toml maps them. Tools that read source files, such
as mypy and import-linter, ignore that mapping, so they run in the tree that this script writes to
`build/imports/`.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAPPED = ("scenarios", "chaos", "reports", "reference_server")


def link(tree: Path) -> None:
    """Replace `tree` by one in which `gauntlet/` has a link to every module and package."""
    shutil.rmtree(tree, ignore_errors=True)
    package = tree / "gauntlet"
    package.mkdir(parents=True)
    for entry in sorted((ROOT / "gauntlet").iterdir()):
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for name in MAPPED:
        (package / name).symlink_to(ROOT / name)
    (tree / "benchmarks").symlink_to(ROOT / "benchmarks")


if __name__ == "__main__":
    link(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "imports")
