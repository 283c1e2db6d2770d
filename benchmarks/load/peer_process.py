"""Running a peer (another load generator) on the generator's CPU."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from benchmarks.load.echo_server import EchoServer
from benchmarks.load.process_tree import GENERATOR_CPU, ProcessTree, pinned
from benchmarks.peers import PEERS, Case, Peer
from benchmarks.processes import ROOT
from gauntlet.stacks import subprocesses

BOOT_TIMEOUT_S = 60.0
END_TIMEOUT_S = 30.0


class PeerProcess:
    """A running peer."""

    def __init__(self, peer: Peer, case: Case, child: subprocess.Popen[bytes]) -> None:
        self.case = case
        self.tree = ProcessTree(child.pid)
        self._peer = peer
        self._child = child

    def wait_connected(self, echo: EchoServer) -> None:
        """Wait until all connections are open; RuntimeError if they do not open in time."""
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while echo.count().open < self.case.connections:
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._peer.name} did not connect: {self._last_log_line()}")
            time.sleep(0.05)

    def finish(self) -> None:
        """Wait for the end of the peer."""
        self._child.wait(self.case.seconds + END_TIMEOUT_S)

    def _last_log_line(self) -> str:
        lines = (self.case.folder / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "the log is empty"


@contextlib.contextmanager
def run_peer(
    peer: Peer,
    echo: EchoServer,
    connections: int,
    pace_s: float,
    seconds: float,
    *,
    keep_samples: bool = False,
) -> Iterator[PeerProcess]:
    """Run a peer, which ends by itself after `seconds`; `Case` describes the other arguments."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-") as folder:
        case = Case(echo.port, connections, pace_s, round(seconds), Path(folder), keep_samples)
        with (case.folder / "log").open("ab") as log, pinned(GENERATOR_CPU):
            child = subprocesses.start(
                peer.command(case), stdout=log, stderr=log, env={"PYTHONPATH": str(ROOT)}
            )
        try:
            yield PeerProcess(peer, case, child)
        finally:
            _end(child)
            _wait_until_idle(echo)


def installed_peers(names: Iterable[str]) -> dict[str, Peer]:
    """Return those of the named peers that are installed."""
    return {name: PEERS[name] for name in names if PEERS[name].versions()}


def missing_peers(names: Iterable[str]) -> dict[str, Peer]:
    """Return the named peers that are not installed."""
    return {name: PEERS[name] for name in names if not PEERS[name].versions()}


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process and all its descendants, which would continue when only a script ends."""
    descendants = psutil.Process(child.pid).children(recursive=True) if child.poll() is None else []
    subprocesses.end(child, grace_s=3.0)
    for process in descendants:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _wait_until_idle(echo: EchoServer) -> None:
    """Wait until the echo has no connections, so that the next trial finds it idle."""
    deadline = time.monotonic() + END_TIMEOUT_S
    while echo.count().open:
        assert time.monotonic() < deadline, "a peer has ended, but its connections are still open"
        time.sleep(0.05)
