"""The manifest: everything needed to judge a run later, or to repeat it."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from gauntlet.builds import ENGINE
from gauntlet.core import clock, run_directory
from gauntlet.core.scenario import secrets, traits
from gauntlet.core.scenario.model import Scenario, to_builtins
from gauntlet.scenarios import adapters

RECORDS = "benchmarks/records"
_SHOWN_PACKAGES = ("im-gauntlet", "locust", "uvloop", "websockets", "picows", "numpy", "aio-pika")


def build(
    scenario: Scenario, argv: list[str], *, bug: str | None, filled: Scenario | None = None
) -> dict[str, Any]:
    """The manifest at the start of a run; `stack` and `proxy` are completed once they are known.

    `filled` is the scenario with the values of its secrets, which are never written.
    """
    adapter, transport = adapters.create((filled or scenario).target, scenario.load.transport)
    return {
        "schema_version": run_directory.SCHEMA_VERSION,
        "argv": [secrets.redact_text(argument) for argument in argv],
        "scenario": secrets.redacted(to_builtins(scenario)),
        "seed": scenario.seed,
        "bug": bug,
        "commit": commit_of(Path(__file__).parent),
        "versions": {name: _version(name) for name in _SHOWN_PACKAGES},
        "engine": ENGINE.current()._asdict(),
        "machine": machine(),
        "clock": {**clock.wall_anchor(), "error_ms": 0.0},
        "adapter": {
            "name": scenario.target.adapter,
            # Judging needs these, possibly long after the run and without the adapter.
            "capabilities": sorted(adapter.capabilities),
            "traits": traits.to_builtins(adapter.traits),
            "transport": transport,
        },
        "stack": {"name": scenario.target.stack},
        "proxy": {"backend": None, "links": []},
    }


def with_workers(anchor: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The manifest's `clock`, with the offsets and errors of the workers' clocks against ours."""
    workers = [
        {
            "worker": row["worker"],
            "host": row["host"],
            "offset_ms": row["offset_ns"] / clock.NS_PER_MS,
            "error_ms": row["error_ns"] / clock.NS_PER_MS,
        }
        for row in sorted(rows, key=lambda row: int(row["worker"]))
    ]
    worst_ms = max(worker["error_ms"] for worker in workers)
    return {**anchor, "error_ms": worst_ms, "workers": workers}


def commit_of(folder: Path) -> str | None:
    """Return the commit of the checkout that a folder is in, with "-dirty" if files have changed.

    A campaign appends to the records of measurements while it runs; they do not count.
    """
    try:
        head = _git(folder, "describe", "--always", "--abbrev=12", "--match", "")
        root = _git(folder, "rev-parse", "--show-toplevel")
        changed = _git(Path(root), "diff", "--name-only", "HEAD", "--", ".", f":!{RECORDS}")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5, check=True
    ).stdout.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """Return what this machine is."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
    }
