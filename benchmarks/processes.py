"""The processes of a benchmark: the cluster under test, and children that are asked in lines."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import requests

from benchmarks import sampling
from benchmarks.jobs import Job, Result
from gauntlet.stacks import subprocesses
from gauntlet.stacks.reference import ReferenceStack, StackAddresses

# These run no Python of ours; their work is shown apart.
STORES = frozenset({"messages-db", "users-db", "registry", "broker"})
ROOT = Path(__file__).parent.parent
GRACE_S = 5.0
# Few users write a lot here: what one of them may is not what is measured.
CONFIG = {"user_sends_per_s": 1_000_000, "user_sends_burst": 1_000_000}


class _Component(msgspec.Struct):
    name: str
    role: str
    pid: int | None


class _Components(msgspec.Struct):
    components: list[_Component]


class Cluster:
    """A running reference server, and what its processes use."""

    def __init__(self, ready: StackAddresses) -> None:
        self.api = ready.api
        headers = {"Authorization": f"Bearer {ready.token}"}
        answer = requests.get(f"{ready.control}/components", headers=headers, timeout=10)
        shown = msgspec.json.decode(answer.content, type=_Components).components
        self._roots = [(each.role, psutil.Process(each.pid)) for each in shown if each.pid]

    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU, user and system, that each role has used so far."""
        used: dict[str, float] = {}
        for role, root in self._roots:
            for process in [root, *root.children(recursive=True)]:
                times = process.cpu_times()
                used[role] = used.get(role, 0.0) + times.user + times.system
        return used

    def rss_bytes(self, role: str) -> int:
        """Resident memory of a role's processes."""
        return sum(root.memory_info().rss for each, root in self._roots if each == role)


@contextlib.contextmanager
def cluster(stack: str, *, edges: int = 2) -> Iterator[Cluster]:
    """A cluster without proxies, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-") as folder:
        logs = Path(folder) / "logs"
        logs.mkdir()
        request: dict[str, Any] = {
            "stack": stack,
            "data_dir": f"{folder}/data",
            "log_dir": str(logs),
            "config": CONFIG,
            "startup_hooks": _hooks(stack),
            "edges": edges,
            "gateways": 2,
        }
        running = ReferenceStack(request, on_event=lambda _event: None)
        try:
            running.plan()
            yield Cluster(running.start({}))
        finally:
            running.stop()


def _hooks(stack: str) -> dict[str, list[str]]:
    """Have the processes on a message's way sampled, if that is asked for."""
    if sampling.FOLDER not in os.environ:
        return {}
    services = ["gateway", "edge"] if stack == "full" else ["gateway", "edge", "message"]
    return {service: ["benchmarks.sampling"] for service in services}


class Asked:
    """A child that answers each line with one."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._child = subprocesses.start(
            # Not `-P`: the benchmarks are not installed.
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT)},
        )
        self.process = psutil.Process(self._child.pid)

    def hear(self) -> bytes:
        """The next line; RuntimeError if the child ended instead."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} ended")
        return line

    def ask(self, value: Any) -> bytes:
        """Say something; the answer."""
        assert self._child.stdin is not None
        self._child.stdin.write(msgspec.json.encode(value) + b"\n")
        self._child.stdin.flush()
        return self.hear()

    def close(self) -> None:
        """End the child."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            subprocesses.end(self._child, grace_s=GRACE_S)


@contextlib.contextmanager
def asked(module: str, *arguments: str) -> Iterator[Asked]:
    """A child for a while."""
    child = Asked(module, *arguments)
    try:
        yield child
    finally:
        child.close()


@contextlib.contextmanager
def generator(first: Job) -> Iterator["Generator"]:
    """A load generator that has done its first job: to connect its users."""
    with asked("benchmarks.generator") as child:
        load = Generator(child)
        load.connections = load.do(first).connections
        yield load


class Generator:
    """A generator process."""

    def __init__(self, child: Asked) -> None:
        self.connections = 0
        self._child = child

    def do(self, job: Job) -> Result:
        """What became of a job."""
        return msgspec.json.decode(self._child.ask(job), type=Result)
