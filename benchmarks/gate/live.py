"""Makes gates in a scratch repository, each by the command that a user would type.

The repository holds a suite and a scenario. A change is a commit on a branch of its own: one that
changes nothing that runs, one that makes the send path slower, and one with a defect.
"""

import datetime as dt
import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from benchmarks.gate import records
from benchmarks.gate.records import GateRecord
from benchmarks.gate.subject import SLOW, UNCHANGED, subject
from gauntlet.campaigns import record_files
from gauntlet.campaigns.gate.outcome import FILE, Gate
from gauntlet.core.scenario.model import to_builtins
from gauntlet.runner import manifest

SERVER = "server.py"
_DIRECTORY = "gate-directory: "
_UNCHANGED = UNCHANGED.read_text(encoding="utf-8")
_REFORMATTED = _UNCHANGED.replace("as it is", "as it was before")


class Change(NamedTuple):
    """A commit of the scratch repository: what the server becomes, and what the gate should say."""

    name: str
    content: str
    expected: int


def changes() -> tuple[Change, ...]:
    """Return the changes that gates decide about."""
    defect = Path(__file__).parents[2] / "chaos" / "server_hooks" / "bugs" / "ack_before_commit.py"
    lost = 'SERVICES = ("message",)\n' + _without_docstring(defect.read_text(encoding="utf-8"))
    return (
        Change("equal", _REFORMATTED, 0),
        Change("slow", SLOW.read_text(encoding="utf-8"), 1),
        Change("defect", lost, 1),
    )


def _without_docstring(text: str) -> str:
    return text.split('"""', 2)[2].lstrip("\n")


def make(
    file: Path, out: Path, count: int, compare: dict[str, Any], settings: Sequence[str]
) -> None:
    """Make the gates that a file of records lacks, the changes in turn."""
    suite = {"version": 1, "name": "change", "scenarios": ["gate.yaml"], "compare": compare}
    plain = to_builtins(subject(1, settings).scenario)
    digest = digest_of(suite, plain)
    folder = out / f"repository-{digest}"
    if not (folder / ".git").exists():
        make_repository(folder, suite, plain)
    known = {
        (each.change, each.number) for each in records.read_gates(file) if each.repository == digest
    }
    for number in range(1, count + 1):
        for change in changes():
            if (change.name, number) not in known:
                _git(folder, "switch", "-q", change.name)
                record = _gate(folder, digest, change.name, number)
                record_files.append(file, record)
                print(f"{change.name} {number}: exit {record.exit_code}, {record.reason}")


def digest_of(suite: dict[str, Any], plain: dict[str, Any]) -> str:
    """Return a digest of all that a repository contains: its suite, its scenario, and servers."""
    servers = [_UNCHANGED, *((change.name, change.content) for change in changes())]
    content = msgspec.json.encode([suite, plain, servers], order="sorted")
    return hashlib.sha256(content).hexdigest()[:8]


def make_repository(folder: Path, suite: dict[str, Any], plain: dict[str, Any]) -> None:
    """Write the repository, with a branch for each change."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gate.yaml").write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
    (folder / ".gitignore").write_text("runs/\n__pycache__/\n", encoding="utf-8")
    (folder / SERVER).write_text(_UNCHANGED, encoding="utf-8")
    _git(folder, "init", "-q", "-b", "main")
    _commit(folder, "Add the server and its gate")
    for change in changes():
        _git(folder, "switch", "-q", "-c", change.name, "main")
        (folder / SERVER).write_text(change.content, encoding="utf-8")
        _commit(folder, f"Change the server: {change.name}")


def _gate(folder: Path, digest: str, change: str, number: int) -> GateRecord:
    words = ["gauntlet", "gate", "suite.yaml", "--bug", SERVER]
    began, started = time.monotonic(), dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    command = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    last = (done.stdout.splitlines() or [""])[-1]
    if not last.startswith(_DIRECTORY):
        raise SystemExit(f"the gate ended with exit {done.returncode}\n{done.stdout}")
    result = folder / last.removeprefix(_DIRECTORY) / FILE
    found = msgspec.json.decode(result.read_bytes(), type=Gate)
    return GateRecord(
        change=change,
        number=number,
        repository=digest,
        command=" ".join(words),
        exit_code=done.returncode,
        runs=len(found.runs),
        seconds=round(time.monotonic() - began, 1),
        comparisons={each.indicator: each.outcome for each in found.comparisons},
        reason=found.verdict.reasons[0],
        started=started,
        commit=manifest.commit_of(Path(__file__).parent),
        machine=manifest.machine(),
    )


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", message)


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Scratch", "-c", "user.email=scratch@localhost")
    subprocess.run(["git", *who, "-c", "commit.gpgsign=false", *arguments], cwd=folder, check=True)
