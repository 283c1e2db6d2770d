"""Runs the cells that have no verdict yet, and records what they found."""

import datetime as dt
import itertools
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.child_runs import Child, Planned
from gauntlet.campaigns.grades import records
from gauntlet.campaigns.grades.records import SETTLED, Record
from gauntlet.campaigns.grades.systems import SEED, Cell, command, digest, scenario
from gauntlet.campaigns.progress import Say
from gauntlet.core.errors import Exit, first_exit
from gauntlet.stacks import STACKS, reference
from gauntlet.stacks.server_stack import ServerStack

_INSTALL = "sudo tools/install-services.sh"


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


def run(cells: Sequence[Cell], file: Path, out: Path, *, jobs: int, again: bool, say: Say) -> Exit:
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
    done = itertools.count(1)

    def finish(child: Child[Cell]) -> None:
        code, line = _finish(child, file)
        codes.add(code)
        say(f"{next(done)}/{len(queue)} {line}")

    child_runs.run_all((Planned(c, c.name, scenario(c)) for c in queue), out, jobs, finish)
    return codes


def _finish(child: Child[Cell], file: Path) -> tuple[Exit, str]:
    """Record a run that has ended; return its exit code, and a line about it."""
    code, name = child.exit_code(), child.item.name
    record = record_of(child)
    if record is None or record.verdict not in (*SETTLED, "inconclusive"):
        line = (
            f"{name}: no verdict (exit {child.process.returncode}); see "
            f"{child.folder / 'output.txt'}"
        )
        return Exit.HARNESS if code in (Exit.OK, Exit.FAILED) else code, line
    records.append(file, record)
    return Exit(record.exit_code), f"{name}: {record.verdict}"


def record_of(child: Child[Cell]) -> Record | None:
    """Return the record of a run; None if it has no result, or did not end as that says."""
    cell, directory = child.item, child.run_directory()
    if directory is None:
        return None
    manifest, result = directory.read_manifest(), directory.read_result()
    if not child.ended_as(result):
        return None
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
