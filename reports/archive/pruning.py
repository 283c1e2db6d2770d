"""Removes old runs of a folder, but never one that goes on, cannot be read, or is a baseline."""

import shutil
from collections import Counter
from collections.abc import Iterable

from gauntlet.core import run_lock
from gauntlet.core.labels import BASELINE
from gauntlet.reports.archive.listing import Entry, is_being_written


def to_remove(runs: Iterable[Entry], keep: int, scenario: str | None = None) -> list[Entry]:
    """Return the runs to remove so that each scenario keeps its `keep` newest ones.

    Runs come the newest first. Those that are never removed are not counted among the kept.
    """
    kept: Counter[str] = Counter()
    chosen = []
    for run in runs:
        protected = run.state in ("running", "unreadable") or BASELINE in run.labels
        if protected or (scenario is not None and run.scenario != scenario):
            continue
        kept[run.scenario] += 1
        if kept[run.scenario] > keep:
            chosen.append(run)
    return chosen


def remove(run: Entry) -> bool:
    """Remove a run directory; False if a command has begun to write it again."""
    # Looked at under the lock: a command that begins meanwhile would lose what it writes.
    with run_lock.held(run.path) as held:
        if not held or is_being_written(run.path):
            return False
        shutil.rmtree(run.path)
    return True
