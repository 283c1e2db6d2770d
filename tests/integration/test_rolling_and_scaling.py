"""Scaling, rolling updates and cutovers, during which clients lose no message."""

import asyncio
import contextlib
import itertools
import time
import urllib.error
from urllib.parse import urlsplit

import aiohttp
import pytest

from .reconnecting_client import ReconnectingClient

pytestmark = pytest.mark.integration

PAIRS = 6
FINAL_STATES = {"done", "rolled-back", "failed"}
NAMES = itertools.count(1)


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def running(request, cluster):
    """A cluster of each stack in the layout `split`; every test leaves it in blue, on two edges."""
    return cluster(request.param, layout="split")


async def eventually(condition, timeout_s=60.0):
    """Wait until a condition holds; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def online_pairs(running, pairs=PAIRS, url=None):
    """Pairs of clients that are online."""
    async with aiohttp.ClientSession() as http:
        clients = []
        for _ in range(pairs):
            left, right = (f"user{next(NAMES)}" for _ in range(2))
            clients += [
                ReconnectingClient(http, running.api, left, right),
                ReconnectingClient(http, running.api, right, left),
            ]
        await asyncio.gather(*(client.start(url) for client in clients))
        try:
            yield clients
        finally:
            await asyncio.gather(*(client.stop() for client in clients))


@contextlib.asynccontextmanager
async def exchanging_messages(clients):
    """All clients send all the time; at the end each pair must have received all its messages."""
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
    await eventually(
        lambda: all(sent[client.conv] <= set(client.bodies.values()) for client in clients), 20
    )


def edge_of(client, running):
    """Return the name of the edge that a client is connected to."""
    address = urlsplit(client.url).netloc
    return next(name for name, each in running.components().items() if each["address"] == address)


def url_of(running, edge):
    """Return the URL of an edge for clients."""
    return f"ws://{running.components()[edge]['address']}/v1/ws"


def disconnects_and_moves(clients):
    """Return how often clients were disconnected, and how often they moved."""
    return sum(client.disconnects for client in clients), sum(client.moves for client in clients)


def refused_status(call):
    """Return the status with which a call is refused."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        call()
    caught.value.close()
    return caught.value.code


async def test_with_every_service_in_its_own_process_messages_arrive(running):
    """Friends and stickers work too."""
    for name, each in running.components().items():
        if each["role"] in ("sessions", "friend", "sticker", "message", "gateway"):
            async with aiohttp.ClientSession() as http:
                answer = await http.get(f"http://{each['address']}/healthz")
                services = (await answer.json())["services"]
            assert services == [each["role"]], name
    async with online_pairs(running, 1) as (ann, bob):
        assert await ann.send("hello") == 1
        await eventually(lambda: "hello" in bob.bodies.values())
        friends = await ann.call("PUT", f"/v1/friends/{bob.user}")
        assert friends["state"] == "requested"
        assert (await ann.call("GET", "/v1/stickers"))["packs"]


@pytest.mark.failure_row("scale")
async def test_a_scale_out_affects_no_connection(running):
    """New logins use the new edge; all other clients stay where they are."""
    async with online_pairs(running) as clients:
        before = [client.url for client in clients]
        async with exchanging_messages(clients):
            running.act("edge-blue-3", "start")
            newcomer = ReconnectingClient(clients[0].http, running.api, "late", "later")
            new_url = url_of(running, "edge-blue-3")
            async with asyncio.timeout(20):
                while await newcomer.log_in() != new_url:
                    await asyncio.sleep(0.1)
        assert [client.url for client in clients] == before
        assert disconnects_and_moves(clients) == (0, 0)


async def test_a_scale_in_moves_the_clients_of_the_edge_and_no_others(running):
    """By `reconnect`, before their connections end; then the edge is planned again."""
    if running.components()["edge-blue-3"]["state"] == "planned":  # if this test runs alone
        running.act("edge-blue-3", "start")
    leaving = url_of(running, "edge-blue-3")
    async with online_pairs(running) as clients, online_pairs(running, 3, leaving) as movers:
        others = [client for client in clients if client.url != leaving]
        movers += [client for client in clients if client.url == leaving]
        async with exchanging_messages({*clients, *movers}):
            body = {"drain_ms": 1000, "waves": 2}
            running.call("POST", "/components/edge-blue-3/drain", body)
            assert running.components()["edge-blue-3"]["state"] == "draining"
            assert refused_status(lambda: running.call("POST", "/cutover", {"to": "green"})) == 409
            await eventually(lambda: running.components()["edge-blue-3"]["state"] == "planned")
        assert disconnects_and_moves(movers) == (0, len(movers))
        assert disconnects_and_moves(others) == (0, 0)
        assert {edge_of(client, running) for client in movers} <= {"edge-blue-1", "edge-blue-2"}


def test_a_scale_in_is_refused_for_the_last_edge_and_for_other_components(running):
    running.act("edge-blue-2", "kill")
    drain = "/components/{}/drain"
    assert refused_status(lambda: running.call("POST", drain.format("edge-blue-1"), {})) == 409
    assert refused_status(lambda: running.call("POST", drain.format("edge-green-1"), {})) == 409
    assert refused_status(lambda: running.call("POST", drain.format("room-1"), {})) == 404
    assert (
        refused_status(lambda: running.call("POST", drain.format("edge-blue-1"), {"ms": 1})) == 400
    )
    running.act("edge-blue-2", "start")


@pytest.mark.failure_row("rolling-update")
async def test_a_rolling_update_drops_no_connection_and_loses_no_message(running):
    """Every process except the edges is replaced under load; senders retry until acknowledged."""
    before = {name: each["pid"] for name, each in running.components().items()}
    async with online_pairs(running) as clients:
        async with exchanging_messages(clients):
            running.call("POST", "/rolling", {})
            assert refused_status(lambda: running.call("POST", "/rolling", {})) == 409
            await eventually(lambda: running.call("GET", "/rolling")["state"] != "running", 120)
        assert disconnects_and_moves(clients) == (0, 0)
    status = running.call("GET", "/rolling")
    assert (status["state"], status["error"]) == ("done", None)
    replaced = [step["component"] for step in status["steps"] if step["state"] == "up"]
    after = {name: each["pid"] for name, each in running.components().items()}
    assert {name for name in after if after[name] != before[name]} == set(replaced)
    services = ("message", "room", "sessions", "social", "friend", "sticker", "gateway")
    assert replaced == [name for name in after if name.rpartition("-")[0] in services]


def test_a_rolling_update_of_edges_is_refused(running):
    """Their clients are moved by a cutover."""
    assert refused_status(lambda: running.call("POST", "/rolling", {"roles": ["edge"]})) == 400


@pytest.mark.failure_row("blue-green-rollback")
async def test_a_rollback_during_the_drain_brings_every_client_back(running):
    """Some have moved, some were asked to, some were not: in the end all are in blue."""
    async with online_pairs(running) as clients:
        async with exchanging_messages(clients):
            request = {"to": "green", "drain_ms": 6000, "canaries": False}
            running.call("POST", "/cutover", request)
            await eventually(lambda: disconnects_and_moves(clients)[1] >= len(clients) // 3)
            running.call("POST", "/cutover/rollback", {})
            await eventually(lambda: running.call("GET", "/cutover")["state"] in FINAL_STATES)
        status = running.call("GET", "/cutover")
        assert (status["state"], status["error"]) == ("rolled-back", None)
        assert status["connections"] == {"blue": len(clients), "green": 0}
        assert (disconnects_and_moves(clients)[0], status["forced_closes"]) == (0, 0)
        assert {edge_of(client, running)[:9] for client in clients} == {"edge-blue"}


@pytest.mark.failure_row("blue-green")
async def test_a_cutover_moves_every_client_without_loss(running):
    """To green and back to blue."""
    async with online_pairs(running) as clients:
        for to in ("green", "blue"):
            async with exchanging_messages(clients):
                running.call("POST", "/cutover", {"to": to, "drain_ms": 2000})
                await eventually(
                    lambda: running.call("GET", "/cutover")["state"] in FINAL_STATES, 90
                )
            status = running.call("GET", "/cutover")
            assert (status["state"], status["error"]) == ("done", None)
            assert status["connections"][to] == status["told"] == len(clients)
            assert status["watched"]["handshakes"] >= len(clients)
            assert (status["watched"]["handshakes_failed"], status["watched"]["down"]) == (0, [])
        assert disconnects_and_moves(clients) == (0, 2 * len(clients))


@pytest.mark.failure_row("blue-green-broken")
async def test_canaries_find_a_broken_environment_before_a_client_is_moved(cluster):
    """Its health checks pass, but its edges never push: only the canaries notice."""
    hooks = {"edge@green": ["gauntlet.chaos.server_hooks.faults.mute_edge"]}
    running = cluster("embedded", layout="single", edges=1, spare=0, startup_hooks=hooks)
    async with online_pairs(running, 2) as clients:
        async with exchanging_messages(clients):
            running.call("POST", "/cutover", {"to": "green"})
            await eventually(lambda: running.call("GET", "/cutover")["state"] in FINAL_STATES)
        status = running.call("GET", "/cutover")
        states = [step["state"] for step in status["steps"]]
        assert states[:3] == ["prepare", "verify", "rollback"]
        assert (status["state"], status["environment"]) == ("rolled-back", "blue")
        assert "no answer within" in status["error"]
        assert (status["told"], disconnects_and_moves(clients)) == (0, (0, 0))


async def test_a_green_that_does_not_start_leaves_blue_untouched(cluster):
    """The reason is reported, and the edges that did start are stopped again."""
    hooks = {"edge@green": ["no.such.module"]}
    running = cluster("embedded", layout="single", edges=1, spare=0, startup_hooks=hooks)
    async with online_pairs(running, 1) as clients:
        running.call("POST", "/cutover", {"to": "green"})
        await eventually(lambda: running.call("GET", "/cutover")["state"] in FINAL_STATES)
        status = running.call("GET", "/cutover")
        assert (status["state"], status["environment"]) == ("rolled-back", "blue")
        assert "before it was healthy" in status["error"]
        assert running.components()["edge-green-1"]["state"] == "planned"
        assert disconnects_and_moves(clients) == (0, 0)
