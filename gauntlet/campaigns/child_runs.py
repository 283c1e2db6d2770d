"""Runs scenarios side by side, each as a child process.

Every scenario runs in `gauntlet run` with a folder of its own, so that a crash of one does not end
the campaign. Children get their own process group: Ctrl-C reaches only the campaign, which then
asks its children to stop and waits for them.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import yaml

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.runner import signals

# Up to a minute of boot, and about as long for the quiesce and judging, beside 12 s of load.
TIMEOUT_S = 240.0
_STOP_S = 60.0  # in which a run that was asked to stop heals its faults and stops its stack
_POLL_S = 0.1

T = TypeVar("T")


class Planned(NamedTuple, Generic[T]):
    """A run to make of `item`, such as a cell; `options` are further options of `gauntlet run`."""

    item: T
    name: str
    scenario: dict[str, Any]
    options: tuple[str, ...] = ()


class Child(NamedTuple, Generic[T]):
    """A run whose process was started at `started_s` of `time.monotonic`.

    `late` says that it was stopped because it had not ended in time.
    """

    item: T
    process: subprocess.Popen[bytes]
    folder: Path
    started_s: float
    late: bool = False

    def run_directory(self) -> RunDir | None:
        """Return the directory of the run; None if it has no result."""
        results = list(self.folder.glob("*/result.json"))
        return RunDir.open(results[0].parent) if len(results) == 1 else None

    def exit_code(self) -> Exit:
        """Return the exit code of the process; that of one which a signal ended is negative."""
        code = int(self.process.returncode)
        return Exit(code) if code in set(Exit) else Exit.HARNESS

    def ended_as(self, result: dict[str, Any]) -> bool:
        """Return whether the process ended as its result says.

        Otherwise a fault was not healed, or the process broke after it wrote the result.
        """
        return self.exit_code() == int(result["verdict"]["exit_code"])

    def elapsed_s(self) -> float:
        """Return how long it has run."""
        return time.monotonic() - self.started_s


def run_all(
    queue: Iterable[Planned[T]],
    out: Path,
    jobs: int,
    on_ended: Callable[[Child[T]], None],
    timeout_s: float = TIMEOUT_S,
    on_stopped: Callable[[Child[T]], None] = lambda _child: None,
) -> None:
    """Run all, and call `on_ended` for each that has; an interrupt stops those that run.

    A run that has not ended after `timeout_s` is stopped, and then ended as `late`. `on_stopped` is
    called for each that an interrupt stopped.
    """
    waiting, running = list(queue), list[Child[T]]()
    with signals.handled() as handler:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    # A child in a session of its own that is not in the list would live on.
                    with handler.deferred():
                        running.append(_start(waiting.pop(0), out))
                for child in [c for c in running if c.process.poll() is not None]:
                    on_ended(child)
                    running.remove(child)
                now = time.monotonic()
                late = [child for child in running if now > child.started_s + timeout_s]
                _stop(late)
                for child in late:
                    running.remove(child)
                    on_ended(child._replace(late=True))
                time.sleep(_POLL_S)
        finally:
            _stop(running)
            for child in running:
                on_stopped(child)


def _start(planned: Planned[T], out: Path) -> Child[T]:
    folder = out / f"{planned.name.replace('/', '-')}-{time.time_ns()}"
    folder.mkdir(parents=True, mode=0o700)
    file = folder / "scenario.yaml"
    file.write_text(yaml.safe_dump(planned.scenario, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "gauntlet", "run", str(file), "--out", str(folder)]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--plain", *planned.options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Child(planned.item, process, folder, time.monotonic())


def _stop(children: Sequence[Child[T]]) -> None:
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
