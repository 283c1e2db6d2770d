#!/usr/bin/env python3
"""Link our packages into one tree, as they are imported.

`scenarios/` is imported as `gauntlet.scenarios`; `chaos/`, `reports/`, `reference_server/` follow
the same rule. An installed package knows this from `package-dir` in pyproject.toml. Tools that read
source files expect a package where its name says, so they run in the tree that this script writes:
`build/imports/`.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAPPED = ("scenarios", "chaos", "reports", "reference_server")


def link(tree: Path) -> None:
    """Write `tree` anew: `tree/gauntlet/` with a link for every module and package."""
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
