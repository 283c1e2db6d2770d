"""A running stack, the faults of the chaos package for it, and users who live through them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gauntlet.chaos.clients.cluster_control import Component, ControlClient
from gauntlet.chaos.faults import FAULTS
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import StackPlan, resolve_links
from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.runner.link_proxies import LinkProxies
from gauntlet.stacks.reference import ReferenceStack

from .clients import Client, until

SERVICES = {"embedded": ("redis",), "full": ("redis", "rabbitmq", "postgres")}
BOTH = ("embedded", pytest.param("full", marks=pytest.mark.full))


def rows_on(stacks: Sequence[Any]) -> list[pytest.MarkDecorator]:
    """The marks of a module whose tests share one world a stack."""
    return [
        pytest.mark.integration,
        pytest.mark.asyncio,
        pytest.mark.parametrize("world", stacks, indirect=True, scope="module"),
    ]


class _Rows(list[dict[str, Any]]):
    """A chaos journal in memory."""

    def write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Append a row."""
        self.append({"kind": kind, **fields})


class World:
    """A booted stack. Users are named apart, so that the tests of a module can share it."""

    def __init__(self, stack: str, context: Context, api: list[str]) -> None:
        self.stack = stack
        self.api = api
        self._context = context
        self._control = context.require_control()
        self._users = 0

    @asynccontextmanager
    async def fault(self, kind: str, target: str, **params: Any) -> AsyncIterator[None]:
        """A fault that is proven to act inside the block, and proven to be healed after it."""
        fault = FAULTS[kind](Fault(id="f", kind=kind, target=target, at=Duration(0), params=params))
        try:
            await asyncio.to_thread(fault.inject, self._context)
            await asyncio.to_thread(fault.prove, self._context)
            yield
        finally:
            await asyncio.to_thread(fault.heal, self._context)
            await asyncio.to_thread(fault.verify, self._context)

    @asynccontextmanager
    async def users(self, *names: str) -> AsyncIterator[list[Client]]:
        """Logged-in users, in the order of their names."""
        self._users += 1
        async with aiohttp.ClientSession() as http:
            found = [Client(http, self.api[0], f"{name}-{self._users}") for name in names]
            for user in found:
                await user.log_in()
            yield found

    def edge_url(self, name: str) -> str:
        """Where clients reach an edge."""
        link = f"client>{name}"
        if link in self._context.proxies:
            return f"ws://{self._context.proxies[link].listen}/v1/ws"
        return f"ws://{self.address(name)}/v1/ws"

    def components(self) -> dict[str, Component]:
        """Every component by its name."""
        return self._control.components()

    def address(self, name: str) -> str:
        """Where a component listens, past any proxy."""
        address = self.components()[name].address
        assert address is not None
        return address

    async def edge_stats(self, name: str) -> dict[str, Any]:
        """The numbers an edge shows at /healthz."""
        url = f"http://{self.address(name)}/healthz"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def bus_connected(self, expected: bool) -> None:
        """Until both blue edges say so."""
        for edge in ("edge-blue-1", "edge-blue-2"):
            while (await self.edge_stats(edge))["bus_connected"] is not expected:
                await asyncio.sleep(0.05)

    @property
    def senders(self) -> str:
        """The role whose processes host the message service."""
        return "message" if self.stack == "embedded" else "gateway"


@contextmanager
def booted(stack: str, folder: Path, links: tuple[str, ...], **request: Any) -> Iterator[World]:
    """A stack whose named links go through fault proxies; all of it ends with the block."""
    (folder / "logs").mkdir()
    wanted = {"data_dir": str(folder / "data"), "log_dir": str(folder / "logs"), **request}
    running = ReferenceStack({"stack": stack, **wanted}, lambda _event: None)
    proxies = LinkProxies("auto", folder / "logs", seed=1)
    try:
        components, planned = running.plan()
        plan = StackPlan.from_cluster(components, planned)
        names = {link.name for target in links for link in resolve_links(target, plan)}
        ready = running.start(proxies.open(link for link in planned if link.name in names))
        control = ControlClient(ready.control, ready.token)
        context = Context(plan, proxies.links, control, _Rows(), logs=folder / "logs")
        yield World(stack, context, ready.api)
    finally:
        running.stop()
        proxies.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def room_of(founder: Client, *others: Client) -> str:
    """A room named after its founder, with all of them as members."""
    room = f"r.{founder.user}"
    for user in (founder, *others):
        await founder.call("PUT", f"/v1/rooms/{room}/members/{user.user}")
    return room


async def entered(room: str, *users: Client) -> None:
    """All of them, connected members, enter the room; each has seen every entry."""
    for user in users:
        await user.enter(room)
    for user in users:
        await until(lambda user=user: len(set(user.events(room, "entered"))) == len(users))


def direct(one: Client, other: Client) -> str:
    """The id of the direct conversation of two users."""
    return "d." + ".".join(sorted([one.user, other.user]))


def in_order_once(user: Client, conv: str) -> bool:
    """Whether the user was pushed every message once, in the order of positions."""
    seqs = [frame.msg.seq for frame in user.got if frame.msg and frame.msg.conv == conv]
    return seqs == sorted(set(seqs))
