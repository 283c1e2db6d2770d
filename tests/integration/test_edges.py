"""Edges among real services: pushes in order, rooms, heads, heartbeats."""

import asyncio
import json
import secrets
import time

import aiohttp
import pytest
from websockets.asyncio.client import connect

from gauntlet.reference_server.core.wire import decode_server

from .clients import PATIENCE_S, Client

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]
SETTINGS = {"ping_ms": 1000, "pong_ms": 500, "heads_poll_ms": 1500, "heads_poll_degraded_ms": 300}


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def server(request, cluster):
    """A whole reference server of each kind."""
    return cluster(request.param, config=SETTINGS)


@pytest.fixture
async def client(server):
    """Makes logged-in users with names of their own."""
    tag = secrets.token_hex(3)
    async with aiohttp.ClientSession() as http:

        async def make(name):
            one = Client(http, server.api[0], f"{name}-{tag}")
            await one.log_in()
            return one

        yield make


async def test_the_first_message_of_a_conversation_reaches_both_members(client):
    """Nobody knew the conversation when they connected; the sender gets his own message too."""
    ann, bob = await client("ann"), await client("bob")
    conv = f"d.{ann.user}.{bob.user}"
    async with ann.online(), bob.online():
        for number in range(5):
            await ann.send(conv, f"m{number}")
        expected = [f"m{number}" for number in range(5)]
        await asyncio.gather(ann.wait_for(conv, expected), bob.wait_for(conv, expected))
        assert not any(frame.gap for frame in ann.got + bob.got)


async def test_room_membership_begins_and_ends_with_its_events(client):
    """Who is added gets everything from then on, who is removed gets his removal and no more."""
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
        seen = [(f.room.event, f.room.user, f.room.seq) for f in bob.got if f.room]
        assert seen == [("added", bob.user, 3), ("removed", bob.user, 5)]
        assert not any(frame.gap for frame in bob.got)


async def test_attendance_reaches_the_room(client):
    """Entering and leaving become events of the room; `leave` ends the connection normally."""
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
    """Until the client was pushed that room event."""
    deadline = time.monotonic() + PATIENCE_S
    while not any(f.room and (f.room.event, f.room.user) == (event, user) for f in client.got):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_client_that_reconnects_is_told_the_heads_and_pushed_what_follows(client):
    """What came meanwhile is in `connected`, not pushed; what comes later is pushed."""
    ann, bob = await client("ann"), await client("bob")
    conv = f"d.{ann.user}.{bob.user}"
    await ann.send(conv, "missed")
    async with bob.online():
        assert bob.connected.heads == {conv: 1}
        await ann.send(conv, "pushed")
        await bob.wait_for(conv, ["pushed"])


async def test_a_silent_client_is_closed(client):
    """Half-open links end: no traffic for ping and pong means 4009."""
    bob = await client("bob")
    async with connect(
        bob.url, subprotocols=["im.v1.json"], compression=None, ping_interval=None
    ) as ws:
        hello = {"token": bob.token, "device": "d0", "cursors": {}}
        await ws.send(json.dumps({"connect": hello}))
        await ws.wait_closed()  # pings come, and nobody answers them
        assert ws.close_code == 4009


async def test_a_forged_token_is_terminal(client):
    """The edge verifies by itself; the client must not try again."""
    bob = await client("bob")
    bob.token += "x"
    async with connect(bob.url, subprotocols=["im.v1.json"], compression=None) as ws:
        hello = {"token": bob.token, "device": "d0", "cursors": {}}
        await ws.send(json.dumps({"connect": hello}))
        assert decode_server(await ws.recv()).error.code == "unauthorized"
        await ws.wait_closed()
        assert ws.close_code == 4501
