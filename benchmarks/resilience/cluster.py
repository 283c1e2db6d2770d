"""A reference server for the time of a measurement, and what its processes use."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import psutil
import redis
import requests

from benchmarks import temporary_stack
from gauntlet.chaos.clients.cluster_control import ControlClient
from gauntlet.stacks.reference import StackAddresses


class Usage(NamedTuple):
    """What the processes of one component use."""

    rss_bytes: int
    descriptors: int


class Cluster:
    """A running server."""

    def __init__(self, ready: StackAddresses) -> None:
        self.api = ready.api
        self.control = ControlClient(ready.control, ready.token)
        self._ready = ready

    def names(self) -> list[str]:
        """Return the components that run."""
        return [each.name for each in self.control.components().values() if each.state == "up"]

    def restarts(self) -> list[str]:
        """Return a sentence about each component whose process ended and was started again."""
        return [
            f"{name} was restarted {component.restarts} times"
            for name, component in self.control.components().items()
            if component.restarts
        ]

    def usage(self) -> dict[str, Usage]:
        """Return what each component uses, its child processes included."""
        found = {}
        for name, component in self.control.components().items():
            if component.pid is None:
                continue
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(component.pid)
                processes = [root, *root.children(recursive=True)]
                found[name] = Usage(
                    sum(process.memory_info().rss for process in processes),
                    sum(process.num_fds() for process in processes),
                )
        return found

    def keys(self) -> int:
        """Return the number of keys in the registry."""
        address = self.control.components()["registry"].address
        password = self.control.password("registry")
        with redis.Redis.from_url(f"redis://:{password}@{address}") as client:
            return int(client.dbsize())

    def metrics(self, name: str) -> dict[str, float]:
        """Return the values of a metric by component."""
        headers = {"Authorization": f"Bearer {self._ready.token}"}
        answer = requests.get(f"{self._ready.control}/metrics", headers=headers, timeout=10)
        components = answer.json()["components"].items()
        return {each: float(values[name]) for each, values in components if name in values}

    def connections(self) -> int:
        """Return the number of clients that the edges have."""
        shown = self.metrics("connections").items()
        return int(sum(value for name, value in shown if name.startswith("edge")))


@contextlib.contextmanager
def running(stack: str, config: dict[str, Any], hooks: Sequence[str] = ()) -> Iterator[Cluster]:
    """Run a server; `hooks` are start-up hooks of the message service, such as a seeded bug."""
    by_service = {"message": list(hooks)} if hooks else {}
    with temporary_stack.running(stack, config, by_service) as ready:
        yield Cluster(ready)


def by_role(usage: dict[str, Usage]) -> dict[str, Usage]:
    """Return the sums of `edge-blue-1`, `edge-blue-2` and so on."""
    rss, descriptors = Counter[str](), Counter[str]()
    for name, each in usage.items():
        role = name.rstrip("0123456789").rstrip("-")
        rss[role] += each.rss_bytes
        descriptors[role] += each.descriptors
    return {role: Usage(rss[role], descriptors[role]) for role in rss}
