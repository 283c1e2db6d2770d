"""Runs the cells of a campaign, each as a child process, and records what they found.

Every cell runs in `gauntlet run` with a folder of its own, so that a crash of one does not end the
campaign. Children get their own process group: Ctrl-C reaches only the campaign, which then asks
its children to stop and waits for them.
"""

import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gauntlet.campaigns import records
from gauntlet.campaigns.records import SETTLED, Record
from gauntlet.campaigns.systems import SEED, Cell, command, digest, scenario
from gauntlet.core.errors import Exit, first_exit
from gauntlet.core.run_directory import RunDir
from gauntlet.runner import signals
from gauntlet.stacks import STACKS, reference
from gauntlet.stacks.server_stack import ServerStack

# A run takes 12 s of load, up to a minute of boot, and about as long for the quiesce and judging.
TIMEOUT_S = 240.0
_STOP_S = 60.0  # in which a run that was asked to stop heals its faults and stops its stack
_POLL_S = 0.1
_INSTALL = "sudo tools/install-services.sh"

Say = Callable[[str], None]


class Child(NamedTuple):
    """A running cell."""

    cell: Cell
    process: subprocess.Popen[bytes]
    folder: Path
    deadline: float


def missing(stacks: set[str]) -> dict[str, str]:
    """Return for each stack that cannot boot here how to install its server."""
    found: dict[str, str] = {}
    services: dict[str, Any] | None = None
    for stack in sorted(stacks):
        kind = STACKS[stack]
        if isinstance(kind, type) and issubclass(kind, ServerStack):
            if kind.program.find() is None:
                found[stack] = f"{kind.program.name} is not installed; {kind.program.remedy}"
            continue
        services = reference.probe() if services is None else services
        needed = ("redis",) if stack == "embedded" else ("redis", "postgres", "rabbitmq")
        absent = [name for name in needed if services[name] is None]
        if absent:
            found[stack] = f"{', '.join(absent)} not installed; {_INSTALL}"
    return found


def campaign(
    cells: Sequence[Cell], file: Path, out: Path, *, jobs: int, again: bool, say: Say
) -> Exit:
    """Run the cells that have no verdict yet, and return the exit code of all chosen cells."""
    known = records.read(file)
    absent = missing({cell.stack for cell in cells})
    for stack, remedy in absent.items():
        count = sum(cell.stack == stack for cell in cells)
        say(f"skipped: {count} cells of the stack {stack}: {remedy}")
    possible = [cell for cell in cells if cell.stack not in absent]
    queue = records.open_cells(possible, known, again=again)
    say(f"{len(queue)} cells to run, {len(possible) - len(queue)} have a verdict already")
    codes = _run_all(queue, file, out, jobs, say)
    codes |= {
        Exit(known[cell.name].exit_code)
        for cell in possible
        if cell not in queue and cell.name in known
    }
    return first_exit(codes)


def _run_all(queue: list[Cell], file: Path, out: Path, jobs: int, say: Say) -> set[Exit]:
    """Run cells side by side; an interrupt stops all of them, and what has ended stays recorded."""
    codes: set[Exit] = set()
    waiting, running = list(queue), list[Child]()
    done = 0
    with signals.handled():
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    running.append(_start(waiting.pop(0), out))
                for child in [c for c in running if c.process.poll() is not None]:
                    done += 1
                    code, line = _finish(child, file)
                    codes.add(code)
                    say(f"{done}/{len(queue)} {line}")
                    running.remove(child)
                for child in [c for c in running if time.monotonic() > c.deadline]:
                    _stop([child])
                time.sleep(_POLL_S)
        finally:
            _stop(running)
    return codes


def _start(cell: Cell, out: Path) -> Child:
    folder = out / f"{cell.name.replace('/', '-')}-{time.time_ns()}"
    folder.mkdir(parents=True)
    file = folder / "scenario.yaml"
    file.write_text(yaml.safe_dump(scenario(cell), sort_keys=False), encoding="utf-8")
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gauntlet", "run", file, "--out", folder, "--plain"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Child(cell, process, folder, time.monotonic() + TIMEOUT_S)


def _stop(children: Sequence[Child]) -> None:
    """Ask the runs to stop, which heals faults and stops servers; kill those that do not."""
    for child in children:
        child.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + _STOP_S
    for child in children:
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()


def _finish(child: Child, file: Path) -> tuple[Exit, str]:
    """Record a run that has ended; return its exit code, and a line about it."""
    code, name = child.process.returncode, child.cell.name
    record = record_of(child.cell, child.folder)
    if record is None or record.verdict not in (*SETTLED, "inconclusive"):
        failures = {int(each) for each in Exit} - {Exit.OK, Exit.FAILED}
        line = f"{name}: no verdict (exit {code}); see {child.folder / 'output.txt'}"
        return Exit(code) if code in failures else Exit.HARNESS, line
    records.append(file, record)
    return Exit(record.exit_code), f"{name}: {record.verdict}"


def record_of(cell: Cell, folder: Path) -> Record | None:
    """Return the record of the run in a folder; None if it has no result."""
    results = list(folder.glob("*/result.json"))
    if len(results) != 1:
        return None
    directory = RunDir.open(results[0].parent)
    manifest = directory.read_manifest()
    result = json.loads(results[0].read_text(encoding="utf-8"))
    required = [check for check in result["checks"] if check["required"]]
    return Record(
        system=cell.system.name,
        configuration=cell.configuration.name,
        experiment=cell.experiment.name,
        server=_version(manifest),
        commit=manifest["commit"],
        seed=SEED,
        scenario=digest(cell),
        verdict=result["verdict"]["status"],
        exit_code=result["verdict"]["exit_code"],
        grades={each["aspect"]: each["grade"] for each in result["grades"]},
        counts=result["counts"],
        violations=[
            f"{check['id']}: {check['sentence']}"
            for check in result["checks"]
            if check["verdict"] == "invalid"
        ],
        unknown=[
            f"{check['id']}: {check['sentence']}"
            for check in required
            if check["verdict"] == "unknown"
        ]
        + [str(reason) for reason in result["verdict"]["reasons"] if not result["checks"]],
        command=command(cell),
        date=dt.datetime.now(dt.UTC).date().isoformat(),
    )


def _version(manifest: dict[str, Any]) -> str:
    versions = [c.get("version") for c in manifest["stack"]["components"] if c.get("version")]
    if versions:
        return str(versions[0])
    return (
        f"im-gauntlet {metadata.version('im-gauntlet')}"
        if manifest["adapter"]["name"] == "reference"
        else ""
    )
