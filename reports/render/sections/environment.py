"""Where and how the scenario was run, and how to run it again."""

import datetime as dt
import json
import shlex
from typing import Any

from gauntlet.core.clock import format_lead
from gauntlet.core.plugins import SectionKind
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("environment", "machine, versions and command of the run")


def context(page: Page) -> dict[str, Any]:
    manifest, run = page.manifest, page.result["run"]
    machine = manifest.get("machine", {})
    rows = {
        "run": run["id"],
        "scenario": f"{run['scenario']}, seed {run['seed']}",
        "seeded bug": manifest.get("bug"),
        "started": _started(manifest),
        "stack": run["stack"],
        "connections": _connections(manifest),
        "fault proxy": (manifest.get("proxy") or {}).get("backend"),
        "load": _workers(page.result.get("workers", [])),
        "load engine": _engine(manifest),
        "reference server": _server(manifest),
        "machine": ", ".join(f"{name} {value}" for name, value in machine.items()),
        "commit": manifest.get("commit"),
        "versions": ", ".join(
            f"{name} {version}" for name, version in manifest.get("versions", {}).items() if version
        ),
    }
    return {
        "rows": [(name, value) for name, value in rows.items() if value],
        "command": shlex.join(manifest.get("argv", [])),
        "scenario": json.dumps(manifest["scenario"], indent=2),
    }


def _connections(manifest: dict[str, Any]) -> str | None:
    """Return the transport, and what about TLS a reader must know."""
    transport: str | None = manifest.get("adapter", {}).get("transport")
    if transport is None:  # an older run
        return None
    insecure = manifest["scenario"].get("target", {}).get("tls", {}).get("insecure")
    return f"{transport}; any TLS certificate was accepted" if insecure else transport


def _engine(manifest: dict[str, Any]) -> str | None:
    """Return which build of the load engine ran, and why it was not the compiled one."""
    engine = manifest.get("engine")
    if engine is None:  # an older run
        return None
    return f"{engine['kind']} ({engine['reason']})" if engine["reason"] else str(engine["kind"])


def _server(manifest: dict[str, Any]) -> str | None:
    """Return which build of the reference server ran, by component where they differ."""
    components = (manifest.get("stack") or {}).get("components") or []
    names: dict[str, list[str]] = {}
    for each in components:
        if "build" in each:
            names.setdefault(each["build"], []).append(each["name"])
    if len(names) <= 1:
        return next(iter(names), None)
    return "; ".join(f"{build}: {', '.join(of_it)}" for build, of_it in names.items())


def _workers(workers: list[dict[str, Any]]) -> str:
    """Return the number of workers, the lost ones, and how far their clocks differed."""
    clocks = [
        f"the clock of worker {worker['worker']} ({worker['host']}) was "
        + format_lead(worker["offset_ms"], worker["error_ms"])
        for worker in workers
        if worker["error_ms"]
    ]
    lost = sum(worker["state"] == "lost" for worker in workers)
    count = f"{len(workers)} workers" + (f", {lost} of them lost" if lost else "")
    return "; ".join([count, *clocks]) if workers else ""


def _started(manifest: dict[str, Any]) -> str | None:
    wall_ns = manifest.get("clock", {}).get("wall_ns")
    if wall_ns is None:
        return None
    moment = dt.datetime.fromtimestamp(wall_ns / 1e9, tz=dt.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
