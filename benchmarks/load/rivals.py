"""Running a peer (another load generator) on the generator's CPU."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from benchmarks.load.target import Target
from benchmarks.load.tree import GENERATOR_CPU, Tree, pinned
from benchmarks.peers import PEERS, Case, Peer
from benchmarks.processes import ROOT
from gauntlet.stacks import subprocesses

BOOT_S = 60.0
END_S = 30.0


class Rival:
    """A running peer."""

    def __init__(self, peer: Peer, case: Case, child: subprocess.Popen[bytes]) -> None:
        self.case = case
        self.tree = Tree(child.pid)
        self._peer = peer
        self._child = child

    def wait_connected(self, target: Target) -> None:
        """Wait until all of its connections are open; RuntimeError if they do not open in time."""
        deadline = time.monotonic() + BOOT_S
        while target.count().open < self.case.connections:
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._peer.name} did not connect: {self._last_log_line()}")
            time.sleep(0.05)

    def finish(self) -> None:
        """Wait for its end."""
        self._child.wait(self.case.seconds + END_S)

    def _last_log_line(self) -> str:
        lines = (self.case.folder / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"


@contextlib.contextmanager
def rival(
    peer: Peer,
    target: Target,
    connections: int,
    pace_s: float,
    seconds: float,
    *,
    claims: bool = False,
) -> Iterator[Rival]:
    """Run a peer, which would end by itself after `seconds`; the other arguments are of `Case`."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-") as folder:
        case = Case(target.port, connections, pace_s, round(seconds), Path(folder), claims)
        with (case.folder / "log").open("ab") as log, pinned(GENERATOR_CPU):
            child = subprocesses.start(
                peer.command(case), stdout=log, stderr=log, env={"PYTHONPATH": str(ROOT)}
            )
        try:
            yield Rival(peer, case, child)
        finally:
            _end(child)
            _wait_gone(target)


def present(names: Iterable[str]) -> dict[str, Peer]:
    """Return the installed ones of the named peers."""
    return {name: PEERS[name] for name in names if PEERS[name].installed()}


def absent(names: Iterable[str]) -> dict[str, Peer]:
    """Return the named peers that are not installed."""
    return {name: PEERS[name] for name in names if not PEERS[name].installed()}


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process and all its descendants, which would continue when only a script ends."""
    descendants = psutil.Process(child.pid).children(recursive=True) if child.poll() is None else []
    subprocesses.end(child, grace_s=3.0)
    for process in descendants:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _wait_gone(target: Target) -> None:
    """Wait until the echo has no connections, so that the next trial finds it idle."""
    deadline = time.monotonic() + END_S
    while target.count().open:
        assert time.monotonic() < deadline, "a peer has ended, but its connections are still open"
        time.sleep(0.05)
