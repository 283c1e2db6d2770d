"""Heals, ends and removes what runs have left behind whose process died, and verifies it."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from gauntlet import postgres_memory
from gauntlet.chaos.clients import control_group, process_group, running_toxiproxy
from gauntlet.chaos.clients.toxiproxy import ProxyClient, ProxyError
from gauntlet.chaos.disks import mounting
from gauntlet.core import run_directory
from gauntlet.runner.recovery import identity, journal
from gauntlet.runner.recovery.journal import Leftovers

_TERM_S = 6.0  # a stack that ends in order also removes what it has created
_KILL_S = 10.0
_POLL_S = 0.1
_FOLDER = re.compile(r"gauntlet-[0-9a-f]{16}(-.+)?")


@dataclass(frozen=True)
class Outcome:
    """What was done for one thing that a run left behind; `done` is false if it is still there."""

    run: str
    text: str
    done: bool


def recover_all(*, allow_exec: bool, discard: bool = False) -> list[Outcome]:
    """Undo what dead runs of this user left behind.

    A journal is removed when nothing that it names is left, and with `discard` in any case.
    """
    outcomes: list[Outcome] = []
    for path in journal.paths():
        try:
            outcomes += _recover_from(path, allow_exec=allow_exec, discard=discard)
        except OSError as error:
            text = f"its journal {path} cannot be used: {os.strerror(error.errno or 0)}"
            outcomes.append(Outcome(path.stem, text, False))
    return outcomes


def _recover_from(path: Path, *, allow_exec: bool, discard: bool) -> list[Outcome]:
    with journal.lock_orphaned(path) as found:
        if found is None:
            return []
        if found.leftovers.host is not None and not discard:
            text = f"was started on the host {found.leftovers.host}; recover from it there"
            return [Outcome(found.leftovers.run, text, True)]
        outcomes = list(_recover(found.leftovers, allow_exec=allow_exec))
        if discard:
            outcomes = [Outcome(each.run, f"{each.text} (discarded)", True) for each in outcomes]
        if all(each.done for each in outcomes):
            path.unlink(missing_ok=True)
        elif found.leftovers.damaged and sum(not each.done for each in outcomes) == 1:
            # All that can be read is undone; it must not be reported again and again.
            path.rename(path.with_suffix(".damaged"))
        return outcomes


def _recover(left: Leftovers, *, allow_exec: bool) -> Iterator[Outcome]:
    if left.version != journal.VERSION:
        text = f"was recorded in version {left.version}; recover from it with that release"
        yield Outcome(left.run, text, False)
        return
    if left.host is not None:
        yield Outcome(left.run, f"was started on the host {left.host}", False)
        return
    yield from _end_processes(left)
    for group in left.control_groups:
        yield from _remove_group(left.run, group)
    for folder in left.folders:
        yield from _remove(left.run, folder)
    for api, prefix in left.toxiproxies:
        yield _remove_toxics(left.run, api, prefix)
    for name, row in left.commands.items():
        yield _heal_by_command(left.run, name, row, allow_exec=allow_exec)
    healed = [name for name in left.faults if name not in left.commands]
    if healed:
        yield Outcome(left.run, f"faults that ended with it: {', '.join(healed)}", True)
    if left.damaged:
        text = f"{left.damaged} lines of its journal are damaged; what they named is not known"
        yield Outcome(left.run, text, False)


def _end_processes(left: Leftovers) -> Iterator[Outcome]:
    """Continue what is stopped, and end everything: first in order, then by force."""
    ended: set[int] = set()
    stopped: set[int] = set()
    for number, within_s in ((signal.SIGTERM, _TERM_S), (signal.SIGKILL, _KILL_S)):
        deadline = time.monotonic() + within_s
        signalled: set[int] = set()
        while processes := list(identity.living(left.processes, left.run)):
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    if process.status() == psutil.STATUS_STOPPED:
                        stopped.add(process.pid)
                        process.send_signal(signal.SIGCONT)
                    # Only once: a second SIGTERM may stop a clean-up.
                    if process.pid not in signalled:
                        process.send_signal(number)
                signalled.add(process.pid)
            ended |= signalled
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
    left_over = [process.pid for process in identity.living(left.processes, left.run)]
    if stopped:
        yield Outcome(left.run, f"{len(stopped)} stopped processes continued", True)
    if ended - set(left_over):
        yield Outcome(left.run, f"{len(ended - set(left_over))} processes ended", True)
    if left_over:
        pids = ", ".join(map(str, left_over))
        yield Outcome(left.run, f"these processes could not be ended: {pids}", False)


def _remove(run: str, folder: Path) -> Iterator[Outcome]:
    """Remove a temporary folder, and those that its server had to create beside it."""
    if not _FOLDER.fullmatch(folder.name):
        yield Outcome(run, f"{folder} is no temporary folder of ours, and was not removed", False)
        return
    for path in (folder, *sorted(folder.parent.glob(f"{folder.name}-*"))):
        if path.is_symlink() or not path.is_dir():
            continue
        yield from _unmount_below(run, path)
        if removed := postgres_memory.remove_below(path):
            text = f"shared memory of PostgreSQL removed: {', '.join(removed)}"
            yield Outcome(run, text, True)
        shutil.rmtree(path, ignore_errors=True)
        done = not path.exists()
        yield Outcome(run, f"{path} {'removed' if done else 'could not be removed'}", done)


def _unmount_below(run: str, folder: Path) -> Iterator[Outcome]:
    """Unmount the disks of components, whose processes have ended by now."""
    for mounted in mounting.mounted_below(folder):
        done = mounting.unmount(Path(mounted), 0.0, detach=True)
        yield Outcome(run, f"{mounted} {'unmounted' if done else 'could not be unmounted'}", done)


def _remove_group(run: str, path: Path) -> Iterator[Outcome]:
    """Remove a control group, in which nothing is left when the processes of the run have ended."""
    if not control_group.NAME.fullmatch(path.name):
        yield Outcome(run, f"{path} is no control group of ours, and was not removed", False)
        return
    deadline = time.monotonic() + _KILL_S
    while path.is_dir():
        try:
            path.rmdir()
            yield Outcome(run, f"control group {path} removed", True)
        except OSError as error:
            if time.monotonic() > deadline:
                yield Outcome(run, f"control group {path} could not be removed: {error}", False)
                return
            time.sleep(_POLL_S)


def _remove_toxics(run: str, api: str, prefix: str) -> Outcome:
    client = ProxyClient(api)
    try:
        removed = running_toxiproxy.remove_toxics(client, prefix)
        names = (toxic.name for proxy in client.proxies().values() for toxic in proxy.toxics)
        left = [name for name in names if name.startswith(prefix)]
    except ProxyError as error:
        return Outcome(run, f"the toxics named {prefix}… could not be removed: {error}", False)
    if left:
        return Outcome(run, f"these toxics of {api} are left: {', '.join(left)}", False)
    return Outcome(run, f"{len(removed)} toxics of {api} removed", True)


def _heal_by_command(run: str, name: str, row: dict[str, Any], *, allow_exec: bool) -> Outcome:
    """Run the heal command of a fault and then its `verify`, or say what would have to be run."""
    command = shlex.join(row["heal"])
    if not allow_exec:
        text = f"fault {name} is not healed; give --allow-exec to heal it by: {command}"
        return Outcome(run, text, False)
    run_directory.restrict_new_files()
    output = journal.log_of(run, name)
    environment = {**os.environ, "GAUNTLET_FAULT": name, "GAUNTLET_RUN": str(row["path"])}
    for step in ("heal", "verify"):
        if argv := row.get(step):
            done = process_group.run(
                argv,
                timeout_s=float(row["timeout_s"]),
                environment=environment,
                output=output,
                folder=Path(row["folder"]) if row.get("folder") else None,
            )
            if done.reason:
                text = f"fault {name} is not healed; {step} ({shlex.join(argv)}): {done.reason}"
                return Outcome(run, text, False)
    output.unlink(missing_ok=True)
    return Outcome(run, f"fault {name} healed by: {command}", True)
