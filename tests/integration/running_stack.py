"""A running stack, on which tests inject faults while users exchange messages."""

import asyncio
import http.client
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gauntlet.chaos.clients.cluster_control import Component, ControlClient
from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.clocks.clocks import Clocks
from gauntlet.chaos.disks.disks import Disks
from gauntlet.chaos.faults import FAULTS, clock_targets
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import StackPlan, links_to_proxy, resolve_links
from gauntlet.core.errors import StackError
from gauntlet.core.plugins import ProxyBackend
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.runner.link_proxies import LinkProxies
from gauntlet.stacks.reference import ReferenceStack

from .clients import Client, wait_until

SERVICES = {"embedded": ("redis",), "full": ("redis", "rabbitmq", "postgres")}
BOTH_STACKS = ("embedded", pytest.param("full", marks=pytest.mark.full))


def marks_for_stacks(stacks: Sequence[Any]) -> list[pytest.MarkDecorator]:
    """Return the marks of a module whose tests share one `RunningStack` of each named stack."""
    return [
        pytest.mark.integration,
        pytest.mark.asyncio,
        pytest.mark.parametrize("stack", stacks, indirect=True, scope="module"),
    ]


class JournalInMemory(list[dict[str, Any]]):
    """A journal of faults that keeps its rows in memory."""

    def write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Append a row."""
        self.append({"kind": kind, **fields})


class RunningStack:
    """A booted stack. User names are unique, so that the tests of a module can share it."""

    def __init__(self, name: str, context: Context, api: list[str]) -> None:
        self.name = name
        self.api = api
        self.context = context
        self._control = context.require_control()
        self._user_groups = 0

    @asynccontextmanager
    async def fault(self, kind: str, target: str, **params: Any) -> AsyncIterator[None]:
        """Inject a fault, prove its effect before the block, and heal and verify it afterwards."""
        spec = Fault(id="f", kind=kind, target=target, at=FixedTime(0), params=params)
        fault = FAULTS[kind](spec)
        try:
            await asyncio.to_thread(fault.inject, self.context)
            await asyncio.to_thread(fault.prove, self.context)
            yield
        finally:
            await asyncio.to_thread(fault.heal, self.context)
            await asyncio.to_thread(fault.verify, self.context)

    @asynccontextmanager
    async def users(self, *names: str) -> AsyncIterator[list[Client]]:
        """Log users in, and yield them in the order of `names`."""
        self._user_groups += 1
        async with aiohttp.ClientSession() as http:
            users = [Client(http, self.api[0], f"{name}-{self._user_groups}") for name in names]
            for user in users:
                await user.log_in()
            yield users

    def edge_url(self, name: str) -> str:
        """Return the URL of an edge for clients, through its proxy if it has one."""
        link = f"client>{name}"
        if link in self.context.proxies:
            return f"ws://{self.context.proxies[link].listen}/v1/ws"
        return f"ws://{self.address(name)}/v1/ws"

    def components(self) -> dict[str, Component]:
        """Return all components by name."""
        return self._control.components()

    def address(self, name: str) -> str:
        """Return the address of a component itself, not that of a proxy."""
        address = self.components()[name].address
        assert address is not None
        return address

    def redis_url(self, name: str) -> str:
        """Return the URL of a Redis itself, with its password."""
        return f"redis://:{self._control.password(name)}@{self.address(name)}"

    async def edge_stats(self, name: str) -> dict[str, Any]:
        """Return the figures that an edge reports at /healthz."""
        url = f"http://{self.address(name)}/healthz"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            stats: dict[str, Any] = await answer.json()
            return stats

    async def wait_for_bus(self, *, connected: bool) -> None:
        """Wait until both blue edges report that their bus is connected, or that it is not."""
        for edge in ("edge-blue-1", "edge-blue-2"):
            while (await self.edge_stats(edge))["bus_connected"] is not connected:
                await asyncio.sleep(0.05)

    @property
    def message_service_role(self) -> str:
        """The role whose processes host the message service."""
        return "message" if self.name == "embedded" else "gateway"


def require_control_groups(controller: str) -> None:
    """Skip the test if this process could not be moved into a control group of its own."""
    try:
        ControlGroup.create(controller, os.getpid(), lambda _: None).remove()
    except StackError as error:
        pytest.skip(str(error))


def make_folder(path: Path) -> Path:
    """Create a folder, and return it."""
    path.mkdir()
    return path


@contextmanager
def run_stack(
    name: str,
    folder: Path,
    links: tuple[str, ...],
    backend: ProxyBackend = "auto",
    disks: Iterable[str] = (),
    faults: Sequence[Fault] = (),
    **request: Any,
) -> Iterator[RunningStack]:
    """Boot a stack whose `links` go through fault proxies; end all of it after the block.

    The components `disks` have disks of their own, and the links of `faults` go through proxies.

    `request` has further keys of the cluster's request, such as `config`.
    """
    logs = folder / "logs"
    logs.mkdir()
    folders = {"data_dir": str(folder / "data"), "log_dir": str(logs)}
    reference = ReferenceStack({"stack": name, **folders, **request}, lambda _event: None)
    proxies, mounted = LinkProxies(backend, logs, seed=1), Disks(logs / "disks.log")
    clocks = Clocks()
    try:
        components, planned = reference.plan()
        plan = StackPlan.from_cluster(components, planned)
        proxied = {link.name for target in links for link in resolve_links(target, plan)}
        proxied |= links_to_proxy(faults, plan, "needed")
        advertise = proxies.open(link for link in planned if link.name in proxied)
        mounted.mount(disks, folder / "data")
        if with_clocks := clock_targets.needed(faults, plan):
            clocks.prepare(with_clocks, make_folder(folder / "clocks"))
        ready = reference.start(advertise, mounted.folders, clocks.environment)
        mounted.settle()
        control = ControlClient(ready.control, ready.token)
        context = Context(
            plan, proxies.links, control, JournalInMemory(), logs=logs,
            disks=mounted.mounted, no_disks=mounted.unavailable, ca=ready.ca,
            clocks=clocks.files, no_clocks=clocks.unavailable,
        )  # fmt: skip
        yield RunningStack(name, context, ready.api)
    finally:
        reference.stop()
        proxies.stop()
        mounted.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def create_room(founder: Client, *others: Client) -> str:
    """Create a room with all these users as members; return its id."""
    room = f"r.{founder.user}"
    for user in (founder, *others):
        await founder.call("PUT", f"/v1/rooms/{room}/members/{user.user}")
    return room


async def enter_all(room: str, *users: Client) -> None:
    """Let connected members enter a room; wait until each has received every `entered` event."""
    for user in users:
        await user.enter(room)
    for user in users:
        await wait_until(lambda user=user: len(set(user.events(room, "entered"))) == len(users))


def direct_conversation(user: Client, peer: Client) -> str:
    """Return the id of the direct conversation of two users."""
    return "d." + ".".join(sorted([user.user, peer.user]))


def received_in_order_once(user: Client, conv: str) -> bool:
    """Return whether the user was pushed no message twice, and all in the order of positions."""
    seqs = [frame.msg.seq for frame in user.received if frame.msg and frame.msg.conv == conv]
    return seqs == sorted(set(seqs))


def post(address, path, body, token=""):
    """Send a POST request; return the decoded response."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {token}"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
