"""The processes of a benchmark: the cluster under test, and children with a line protocol."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import requests

from benchmarks import sampling, temporary_stack
from benchmarks.jobs import Job, Result
from gauntlet.stacks import subprocesses
from gauntlet.stacks.reference import StackAddresses

# These run no Python of this project; their CPU time is shown separately.
STORES = frozenset({"messages-db", "users-db", "registry", "broker"})
ROOT = Path(__file__).parent.parent
GRACE_S = 5.0
# Few users send much here, so that the limits per user must not interfere.
CONFIG = {"user_sends_per_s": 1_000_000, "user_sends_burst": 1_000_000}


class _Component(msgspec.Struct):
    name: str
    role: str
    pid: int | None


class _Components(msgspec.Struct):
    components: list[_Component]


class Cluster:
    """A running reference server, and the resources that its processes use."""

    def __init__(self, ready: StackAddresses) -> None:
        self.api = ready.api
        self.ca = ready.ca
        headers = {"Authorization": f"Bearer {ready.token}"}
        answer = requests.get(f"{ready.control}/components", headers=headers, timeout=10)
        components = msgspec.json.decode(answer.content, type=_Components).components
        self._roots = [
            (component.role, psutil.Process(component.pid))
            for component in components
            if component.pid
        ]

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU time (user and system) of each role so far, in seconds."""
        used: dict[str, float] = {}
        for role, root in self._roots:
            for process in [root, *root.children(recursive=True)]:
                times = process.cpu_times()
                used[role] = used.get(role, 0.0) + times.user + times.system
        return used

    def rss_bytes(self, role: str) -> int:
        """Return the resident memory of a role's processes, in bytes."""
        return sum(root.memory_info().rss for name, root in self._roots if name == role)


@contextlib.contextmanager
def cluster(stack: str, *, edges: int = 2, tls: bool = False) -> Iterator[Cluster]:
    """Run a cluster without proxies in a temporary folder."""
    config = {**CONFIG, "tls": tls}
    boot = temporary_stack.running(stack, config, _hooks(stack), edges=edges, gateways=2)
    with boot as ready:
        yield Cluster(ready)


def _hooks(stack: str) -> dict[str, list[str]]:
    """Return start-up hooks that sample the services on a message's path, if requested."""
    if sampling.FOLDER not in os.environ:
        return {}
    services = ["gateway", "edge"] if stack == "full" else ["gateway", "edge", "message"]
    return {service: ["benchmarks.sampling"] for service in services}


class LineChild:
    """A child process that answers each line with one line."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._child = subprocesses.start(
            # Without `-P`, because the benchmarks are not installed.
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT)},
        )
        self.process = psutil.Process(self._child.pid)

    def read_line(self) -> bytes:
        """Return the next line; RuntimeError if the child has ended."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} ended")
        return line

    def ask(self, value: Any) -> bytes:
        """Send a value as JSON and return the answer."""
        assert self._child.stdin is not None
        self._child.stdin.write(msgspec.json.encode(value) + b"\n")
        self._child.stdin.flush()
        return self.read_line()

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
def line_child(module: str, *arguments: str) -> Iterator[LineChild]:
    """Run a child process."""
    child = LineChild(module, *arguments)
    try:
        yield child
    finally:
        child.close()


@contextlib.contextmanager
def generator(first: Job) -> Iterator["Generator"]:
    """Run a load generator that has done its first job, which connects its users."""
    with line_child("benchmarks.generator") as child:
        load = Generator(child)
        load.connections = load.do(first).connections
        yield load


class Generator:
    """A generator process."""

    def __init__(self, child: LineChild) -> None:
        self.connections = 0
        self._child = child

    def do(self, job: Job) -> Result:
        """Do a job and return its result."""
        return msgspec.json.decode(self._child.ask(job), type=Result)
