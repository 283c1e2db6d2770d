"""Edges among real services: pushes in order, rooms, heads, heartbeats."""

import asyncio
import json
import secrets
import time

import aiohttp
import pytest
from websockets.asyncio.client import connect

from gauntlet.reference_server.core.wire import decode_server

from .clients import TIMEOUT_S, Client

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]
SETTINGS = {"ping_ms": 1000, "pong_ms": 500, "heads_poll_ms": 1500, "heads_poll_degraded_ms": 300}


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def server(request, cluster):
    """A whole reference server of each stack."""
    return cluster(request.param, config=SETTINGS)


@pytest.fixture
async def client(server):
    """Creates logged-in users with unique names."""
    tag = secrets.token_hex(3)
    async with aiohttp.ClientSession() as http:

        async def make(name):
            user = Client(http, server.api[0], f"{name}-{tag}")
            await user.log_in()
            return user

        yield make


async def test_the_first_message_of_a_conversation_reaches_both_members(client):
    """The conversation did not exist when they connected; the sender receives the message too."""
    ann, bob = await client("ann"), await client("bob")
    conv = f"d.{ann.user}.{bob.user}"
    async with ann.online(), bob.online():
        for number in range(5):
            await ann.send(conv, f"m{number}")
        expected = [f"m{number}" for number in range(5)]
        await asyncio.gather(ann.wait_for(conv, expected), bob.wait_for(conv, expected))
        assert not any(frame.gap for frame in ann.received + bob.received)


async def test_room_membership_begins_and_ends_with_its_events(client):
    """Pushes include the events `added` and `removed` themselves, and nothing after `removed`."""
    ann, bob = await client("ann"), await client("bob")
    conv = f"r.{ann.user}"
    async with ann.online(), bob.online():
        await ann.call("PUT", f"/v1/rooms/{conv}/members/{ann.user}")
        await ann.send(conv, "before")
        await ann.call("PUT", f"/v1/rooms/{conv}/members/{bob.user}")
        await ann.send(conv, "together")
        await ann.call("DELETE", f"/v1/rooms/{conv}/members/{bob.user}")
        await ann.send(conv, "after")
        await ann.wait_for(conv, ["before", "together", "after"])
        await bob.wait_for(conv, ["together"])
        events = [
            (frame.room.event, frame.room.user, frame.room.seq)
            for frame in bob.received
            if frame.room
        ]
        assert events == [("added", bob.user, 3), ("removed", bob.user, 5)]
        assert not any(frame.gap for frame in bob.received)


async def test_entering_and_leaving_become_events_of_the_room(client):
    """`leave` closes the connection normally."""
    ann, bob = await client("ann"), await client("bob")
    conv = f"r.{ann.user}"
    async with ann.online():
        for user in (ann.user, bob.user):
            await ann.call("PUT", f"/v1/rooms/{conv}/members/{user}")
        async with bob.online():
            await bob.ws.send(json.dumps({"enter": {"conv": conv}}))
            await wait_for_event(ann, "entered", bob.user)
            await bob.ws.send('{"leave":{}}')
            await wait_for_event(ann, "exited", bob.user)
            await bob.ws.wait_closed()
            assert bob.ws.close_code == 1000


async def wait_for_event(client, event, user):
    """Wait until the client was pushed a room event."""
    deadline = time.monotonic() + TIMEOUT_S
    while not any(
        frame.room and (frame.room.event, frame.room.user) == (event, user)
        for frame in client.received
    ):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_client_that_reconnects_gets_the_heads_and_pushes_of_later_messages(client):
    ann, bob = await client("ann"), await client("bob")
    conv = f"d.{ann.user}.{bob.user}"
    await ann.send(conv, "missed")
    async with bob.online():
        assert bob.connected.heads == {conv: 1}
        await ann.send(conv, "pushed")
        await bob.wait_for(conv, ["pushed"])


async def test_a_user_to_whom_many_strangers_write_is_told_all_heads_in_small_frames(client):
    """Clients limit the size of the frames that they read. Later pushes are as usual."""
    bob, at_once = await client("bob"), asyncio.Semaphore(50)

    async def write(name):
        async with at_once:
            stranger = await client(name)
            conv = f"d.{min(bob.user, stranger.user)}.{max(bob.user, stranger.user)}"
            await stranger.send(conv, "hi")
            return conv

    convs = await asyncio.gather(*(write(f"{first}{n}") for n in range(600) for first in "ac"))
    async with bob.online():
        assert bob.handshake_heads == [1_000, 200]
        assert bob.connected.heads == dict.fromkeys(convs, 1)
        await bob.send(convs[0], "pushed")
        await bob.wait_for(convs[0], ["pushed"])
        assert not any(frame.gap for frame in bob.received)
    first = await bob.call("GET", "/v1/heads")
    rest = await bob.call("GET", f"/v1/heads?after={first['next']}")
    assert (len(first["heads"]), len(rest["heads"]), "next" in rest) == (1_000, 200, False)
    assert first["heads"] | rest["heads"] == dict.fromkeys(convs, 1) | {convs[0]: 2}


async def test_a_client_that_answers_no_ping_is_closed_with_4009(client):
    bob = await client("bob")
    async with connect(
        bob.url, subprotocols=["im.v1.json"], compression=None, ping_interval=None
    ) as ws:
        credentials = {"token": bob.token, "device": "d0", "cursors": {}}
        await ws.send(json.dumps({"connect": credentials}))
        await ws.wait_closed()  # pings arrive and are not answered
        assert ws.close_code == 4009


async def test_a_forged_token_is_closed_with_4501(client):
    """The edge verifies by itself, and the client must not try again."""
    bob = await client("bob")
    bob.token += "x"
    async with connect(bob.url, subprotocols=["im.v1.json"], compression=None) as ws:
        credentials = {"token": bob.token, "device": "d0", "cursors": {}}
        await ws.send(json.dumps({"connect": credentials}))
        assert decode_server(await ws.recv()).error.code == "unauthorized"
        await ws.wait_closed()
        assert ws.close_code == 4501
