"""Edges come and go, processes are replaced, an environment is broken: clients do not notice."""

import asyncio
import contextlib
import itertools
import time
import urllib.error
from urllib.parse import urlsplit

import aiohttp
import pytest

from .live_client import LiveClient

pytestmark = pytest.mark.integration

PAIRS = 6
OVER = {"done", "rolled-back", "failed"}
NAMES = itertools.count(1)


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def running(request, cluster):
    """A split cluster of each stack; every test leaves it whole, in blue, on two edges."""
    return cluster(request.param, layout="split")


async def reached(condition, timeout_s=60.0):
    """Wait until something holds; fail if it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def people(running, pairs=PAIRS, url=None):
    """Pairs of clients who are online."""
    async with aiohttp.ClientSession() as http:
        clients = []
        for _ in range(pairs):
            left, right = (f"user{next(NAMES)}" for _ in range(2))
            clients += [
                LiveClient(http, running.api, left, right),
                LiveClient(http, running.api, right, left),
            ]
        await asyncio.gather(*(client.start(url) for client in clients))
        try:
            yield clients
        finally:
            await asyncio.gather(*(client.stop() for client in clients))


@contextlib.asynccontextmanager
async def talk(clients):
    """Everybody writes all the time; at the end each pair must have seen all of its messages."""
    sent = {client.conv: set() for client in clients}
    is_over = asyncio.Event()

    async def write(client):
        for number in itertools.count(1):
            body = f"{client.user} {number}"
            await client.send(body)
            sent[client.conv].add(body)
            if is_over.is_set():
                return
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(write(client))
        yield
        is_over.set()
    await reached(lambda: all(sent[one.conv] <= set(one.seen.values()) for one in clients), 20)


def edge_of(client, running):
    """The name of the edge that a client is connected to."""
    address = urlsplit(client.url).netloc
    return next(name for name, each in running.components().items() if each["address"] == address)


def url_of(running, edge):
    """Where clients reach an edge."""
    return f"ws://{running.components()[edge]['address']}/v1/ws"


def counted(clients):
    """How often they were dropped, and how often they moved."""
    return sum(one.drops for one in clients), sum(one.moves for one in clients)


def refusal(call):
    """The status with which a call is refused."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        call()
    caught.value.close()
    return caught.value.code


async def test_a_message_goes_through_every_service_of_its_own(running):
    """Sent by one, seen by the other; each service is alone in its process."""
    for name, each in running.components().items():
        if each["role"] in ("sessions", "friend", "sticker", "message", "gateway"):
            async with aiohttp.ClientSession() as http:
                answer = await http.get(f"http://{each['address']}/healthz")
                services = (await answer.json())["services"]
            assert services == [each["role"]], name
    async with people(running, 1) as (ann, bob):
        assert await ann.send("hello") == 1
        await reached(lambda: "hello" in bob.seen.values())
        friends = await ann._call("PUT", f"/v1/friends/{bob.user}")
        assert friends["state"] == "requested"
        assert (await ann._call("GET", "/v1/stickers"))["packs"]


@pytest.mark.failure_row("scale")
async def test_scale_out_touches_no_connection(running):
    """Newcomers reach the new edge, everybody else stays where he is."""
    async with people(running) as clients:
        before = [client.url for client in clients]
        async with talk(clients):
            running.act("edge-blue-3", "start")
            newcomer = LiveClient(clients[0]._http, running.api, "late", "later")
            wanted = url_of(running, "edge-blue-3")
            async with asyncio.timeout(20):
                while await newcomer.log_in() != wanted:
                    await asyncio.sleep(0.1)
        assert [client.url for client in clients] == before
        assert counted(clients) == (0, 0)


async def test_scale_in_moves_the_edges_clients_and_nobody_else(running):
    """By `reconnect`, before their connection ends; then the edge is planned again."""
    leaving = url_of(running, "edge-blue-3")
    async with people(running) as clients, people(running, 3, leaving) as movers:
        others = [one for one in clients if one.url != leaving]
        movers += [one for one in clients if one.url == leaving]
        async with talk({*clients, *movers}):
            body = {"drain_ms": 1000, "waves": 2}
            running.call("POST", "/components/edge-blue-3/drain", body)
            assert running.components()["edge-blue-3"]["state"] == "draining"
            assert refusal(lambda: running.call("POST", "/cutover", {"to": "green"})) == 409
            await reached(lambda: running.components()["edge-blue-3"]["state"] == "planned")
        assert counted(movers) == (0, len(movers))
        assert counted(others) == (0, 0)
        assert {edge_of(one, running) for one in movers} <= {"edge-blue-1", "edge-blue-2"}


def test_the_last_edge_cannot_be_taken_out(running):
    """Its clients would have nowhere to go; nor can what is no edge, or does not run."""
    running.act("edge-blue-2", "kill")
    drain = "/components/{}/drain"
    assert refusal(lambda: running.call("POST", drain.format("edge-blue-1"), {})) == 409
    assert refusal(lambda: running.call("POST", drain.format("edge-green-1"), {})) == 409
    assert refusal(lambda: running.call("POST", drain.format("room-1"), {})) == 404
    assert refusal(lambda: running.call("POST", drain.format("edge-blue-1"), {"ms": 1})) == 400
    running.act("edge-blue-2", "start")


@pytest.mark.failure_row("rolling-update")
async def test_a_rolling_update_drops_no_websocket_and_loses_no_message(running):
    """Every process but the edges is replaced under load; senders retry, and all is acked."""
    before = {name: each["pid"] for name, each in running.components().items()}
    async with people(running) as clients:
        async with talk(clients):
            running.call("POST", "/rolling", {})
            assert refusal(lambda: running.call("POST", "/rolling", {})) == 409
            await reached(lambda: running.call("GET", "/rolling")["state"] != "running", 120)
        assert counted(clients) == (0, 0)
    status = running.call("GET", "/rolling")
    assert (status["state"], status["error"]) == ("done", None)
    replaced = [step["component"] for step in status["steps"] if step["state"] == "up"]
    after = {name: each["pid"] for name, each in running.components().items()}
    assert {name for name in after if after[name] != before[name]} == set(replaced)
    services = ("message", "room", "sessions", "social", "friend", "sticker", "gateway")
    assert replaced == [name for name in after if name.rpartition("-")[0] in services]


def test_a_rolling_update_of_an_unknown_role_is_refused(running):
    """Edges too: their clients move by a cutover."""
    assert refusal(lambda: running.call("POST", "/rolling", {"roles": ["edge"]})) == 400


@pytest.mark.failure_row("blue-green-rollback")
async def test_a_rollback_in_mid_drain_brings_everybody_back(running):
    """Some have moved, some were told to, some were not: in the end all are in blue, unharmed."""
    async with people(running) as clients:
        async with talk(clients):
            order = {"to": "green", "drain_ms": 6000, "canaries": False}
            running.call("POST", "/cutover", order)
            await reached(lambda: counted(clients)[1] >= len(clients) // 3)
            running.call("POST", "/cutover/rollback", {})
            await reached(lambda: running.call("GET", "/cutover")["state"] in OVER)
        status = running.call("GET", "/cutover")
        assert (status["state"], status["error"]) == ("rolled-back", None)
        assert status["connections"] == {"blue": len(clients), "green": 0}
        assert (counted(clients)[0], status["forced_closes"]) == (0, 0)
        assert {edge_of(one, running)[:9] for one in clients} == {"edge-blue"}


@pytest.mark.failure_row("blue-green")
async def test_a_cutover_moves_everybody_at_no_loss(running):
    """And back again: nobody is dropped, what is watched is shown."""
    async with people(running) as clients:
        for to in ("green", "blue"):
            async with talk(clients):
                running.call("POST", "/cutover", {"to": to, "drain_ms": 2000})
                await reached(lambda: running.call("GET", "/cutover")["state"] in OVER, 90)
            status = running.call("GET", "/cutover")
            assert (status["state"], status["error"]) == ("done", None)
            assert status["connections"][to] == status["told"] == len(clients)
            assert status["watched"]["handshakes"] >= len(clients)
            assert (status["watched"]["handshakes_failed"], status["watched"]["down"]) == (0, [])
        assert counted(clients) == (0, 2 * len(clients))


@pytest.mark.failure_row("blue-green-broken")
async def test_a_broken_green_is_found_before_anybody_is_moved(cluster):
    """Its health checks pass, and it never pushes: only the canaries see that."""
    hooks = {"edge@green": ["gauntlet.chaos.server_hooks.faults.mute_edge"]}
    one = cluster("embedded", layout="single", edges=1, spare=0, startup_hooks=hooks)
    async with people(one, 2) as clients:
        async with talk(clients):
            one.call("POST", "/cutover", {"to": "green"})
            await reached(lambda: one.call("GET", "/cutover")["state"] in OVER)
        status = one.call("GET", "/cutover")
        states = [step["state"] for step in status["steps"]]
        assert states[:3] == ["prepare", "verify", "rollback"]
        assert (status["state"], status["environment"]) == ("rolled-back", "blue")
        assert "nothing within" in status["error"]
        assert (status["told"], counted(clients)) == (0, (0, 0))


async def test_a_green_that_does_not_start_leaves_blue_untouched(cluster):
    """The reason is kept, and the edges that did start are gone again."""
    hooks = {"edge@green": ["no.such.module"]}
    one = cluster("embedded", layout="single", edges=1, spare=0, startup_hooks=hooks)
    async with people(one, 1) as clients:
        one.call("POST", "/cutover", {"to": "green"})
        await reached(lambda: one.call("GET", "/cutover")["state"] in OVER)
        status = one.call("GET", "/cutover")
        assert (status["state"], status["environment"]) == ("rolled-back", "blue")
        assert "before it was healthy" in status["error"]
        assert one.components()["edge-green-1"]["state"] == "planned"
        assert counted(clients) == (0, 0)
