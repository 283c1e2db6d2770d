"""Rows of the failure table about processes and clients that crash, freeze or lag behind."""

import asyncio
import socket
import time
from contextlib import suppress

import pytest
from aiohttp import ClientError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from .clients import Client, wait_until
from .running_stack import (
    BOTH_STACKS,
    create_room,
    direct_conversation,
    enter_all,
    marks_for_stacks,
    received_in_order_once,
)

pytestmark = marks_for_stacks(BOTH_STACKS)
LINKS = ("client>edge-blue-2", "message>broker")
PING_MS, PONG_MS, GRACE_MS = 800, 1200, 1500
SILENT_S = (PING_MS + PONG_MS) / 1000
LEASE_S = 3 * PING_MS / 1000
REQUEST = {
    "config": {
        "ping_ms": PING_MS,
        "pong_ms": PONG_MS,
        "grace_ms": GRACE_MS,
        "heads_poll_ms": 1000,
        "outbox_bytes": 600_000,
    },
    "startup_hooks": {"message": ["gauntlet.chaos.server_hooks.faults.crash_after_commit"]},
}


@pytest.mark.failure_row("gateway-crash")
async def test_a_send_interrupted_by_a_gateway_crash_is_stored_once(stack):
    """The gateway dies while the message waits to be stored; the other one receives the retry."""
    stalled = "message" if stack.name == "embedded" else "messages-db"
    async with stack.users("ann", "bob") as (ann, bob), bob.online():
        conv = direct_conversation(ann, bob)
        path = f"/v1/conversations/{conv}/messages"
        await ann.send(conv, "before")
        message = {"client_msg_id": "retried", "body": "once"}
        async with stack.fault("pause", stalled):
            first = asyncio.create_task(ann.try_call("POST", path, message, api=stack.api[0]))
            await asyncio.sleep(0.2)
            async with stack.fault("kill", "gateway-1"):
                with pytest.raises(ClientError):
                    await first
                second = asyncio.create_task(ann.try_call("POST", path, message, api=stack.api[1]))
        status, answer = await second
        if status >= 300:
            assert answer["error"]["temporary"], answer
            answer = await ann.send(conv, "once", "retried")
        await bob.wait_for(conv, ["before", "once"])
        assert [each["body"] for each in await bob.history(conv)] == ["before", "once"]
        assert answer["seq"] == 2


@pytest.mark.failure_row("crash-after-commit")
async def test_a_message_committed_but_never_published_arrives_once(stack):
    """The process dies in between; the edges find the message by the next poll of heads."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        sent: list[str] = []
        sending = asyncio.create_task(keep_sending(ann, conv, sent))
        async with stack.fault("crash-after-commit", stack.message_service_role):
            sending.cancel()
        await bob.wait_for(conv, [entry["body"] for entry in await bob.history(conv)])
        for body in sent:
            await ann.send(conv, body, body)
        await bob.wait_for(conv, sent)
        assert received_in_order_once(bob, conv)
        assert [entry["body"] for entry in await bob.history(conv)] == sent


async def keep_sending(user: Client, conv: str, sent: list[str]) -> None:
    """Send one message after the other, each with a single attempt."""
    while True:
        sent.append(f"m{len(sent)}")
        message = {"client_msg_id": sent[-1], "body": sent[-1]}
        with suppress(ClientError):
            await user.try_call("POST", f"/v1/conversations/{conv}/messages", message)
        await asyncio.sleep(0.05)


@pytest.mark.failure_row("edge-crash")
async def test_after_an_edge_crash_only_clients_that_do_not_return_exit_the_room(stack):
    """A client that returns within the grace time never exited, and receives everything."""
    near, far = stack.edge_url("edge-blue-1"), stack.edge_url("edge-blue-2")
    async with stack.users("ann", "bob", "carl") as (ann, bob, carl), ann.online(near):
        room = await create_room(ann, bob, carl)
        async with bob.online(far), carl.online(far):
            await enter_all(room, ann, bob, carl)
            await ann.send(room, "m0")
            await bob.wait_for(room, ["m0"])
            after = bob.received[-1].msg.seq
            async with stack.fault("kill", "edge-blue-2"):
                killed_at = time.monotonic()
                await wait_until(lambda: bob.close_code is not None)
                await ann.send(room, "m1")
                async with bob.online(near):
                    await ann.send(room, "m2")
                    await bob.wait_for(room, ["m0", "m2"])
                    missed = await bob.history(room, after)
                    assert [each["body"] for each in missed if each["type"] == "msg"][:1] == ["m1"]
                    await wait_until(lambda: ann.events(room, "exited"))
                    assert time.monotonic() - killed_at > GRACE_MS / 1000
                    await asyncio.sleep(LEASE_S)
                    assert ann.events(room, "exited") == [carl.user]
                    assert received_in_order_once(bob, room)


async def test_after_a_room_service_crash_presence_is_still_correct(stack):
    """A user who left meanwhile exits, once; one who is present stays, reconnected or not."""
    near, far = stack.edge_url("edge-blue-1"), stack.edge_url("edge-blue-2")
    async with stack.users("ann", "bob", "carl") as (ann, bob, carl), ann.online(near):
        room = await create_room(ann, bob, carl)
        async with carl.online(far):
            async with bob.online(far):
                await enter_all(room, ann, bob, carl)
                await bob.ws.close()
            async with bob.online(near):
                async with stack.fault("kill", "room"):
                    await carl.ws.close()
                await wait_until(lambda: ann.events(room, "exited"))
                await asyncio.sleep(LEASE_S)
                assert ann.events(room, "exited") == [carl.user]


@pytest.mark.parametrize(
    ("how", "target"), [("pause", "edge-blue-2"), ("partition", "client>edge-blue-2")]
)
@pytest.mark.failure_row("half-open")
async def test_a_half_open_connection_ends_at_both_ends(stack, how, target):
    """A paused edge or a half-open link: afterwards the client has missed nothing."""
    near, far = stack.edge_url("edge-blue-1"), stack.edge_url("edge-blue-2")
    async with stack.users("ann", "bob") as (ann, bob), ann.online(near):
        room = await create_room(ann, bob)
        async with bob.online(far):
            await enter_all(room, ann, bob)
            await ann.send(room, "m0")
            await bob.wait_for(room, ["m0"])
            after = bob.received[-1].msg.seq
            async with stack.fault(how, target):
                await ann.send(room, "m1")
                await wait_until(lambda: time.monotonic() - bob.last_received_s > SILENT_S)
                if how == "partition":
                    while (await stack.edge_stats("edge-blue-2"))["connections"]:
                        await asyncio.sleep(0.05)
            await wait_until(lambda: bob.close_code is not None)
            async with bob.online(near):
                missed = await bob.history(room, after)
                assert [each["body"] for each in missed if each["type"] == "msg"] == ["m1"]
                await ann.send(room, "m2")
                await bob.wait_for(room, ["m0", "m2"])
                await asyncio.sleep(LEASE_S + GRACE_MS / 1000)
                assert ann.events(room, "exited") == []


@pytest.mark.failure_row("slow-client")
async def test_a_client_that_does_not_read_is_closed_and_delays_no_other(stack):
    """The others in the room receive every message, in order."""
    here = f"ws://{stack.address('edge-blue-1')}/v1/ws"
    async with stack.users("ann", "bob", "sam") as (ann, bob, sam), bob.online(here):
        room = await create_room(ann, bob, sam)
        async with connect(
            here,
            sock=narrow_socket(stack.address("edge-blue-1")),
            subprotocols=["im.v1.json"],
            compression=None,
            ping_interval=None,
            max_queue=1,
        ) as ws:
            await ws.send(f'{{"connect":{{"token":"{sam.token}","device":"d0"}}}}')
            sent = [f"{number}".ljust(50_000, "x") for number in range(40)]
            for start in range(0, len(sent), 5):
                await asyncio.gather(*(ann.send(room, body) for body in sent[start : start + 5]))
            with suppress(ConnectionClosed):
                async for _ in ws:
                    pass
            assert ws.close_code == 4008
            await wait_until(lambda: len(bob.bodies(room)) == len(sent))
        assert bob.close_code is None
        assert set(bob.bodies(room)) == set(sent)
        assert received_in_order_once(bob, room)


def narrow_socket(address: str) -> socket.socket:
    """Return a connected socket with a small receive buffer."""
    host, _, port = address.rpartition(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect((host, int(port)))
    return narrow


@pytest.mark.failure_row("social-down")
async def test_chat_continues_without_the_friend_and_sticker_services(stack):
    """Calls of these services fail in time, with a temporary error."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        async with stack.fault("kill", "social"):
            status, answer = await ann.try_call("GET", "/v1/friends")
            assert (status, answer["error"]["temporary"]) == (503, True)
            for number in range(5):
                await ann.send(conv, f"m{number}")
            await bob.wait_for(conv, [f"m{number}" for number in range(5)])
        await ann.call("GET", "/v1/friends")
        assert (ann.close_code, bob.close_code) == (None, None)


@pytest.mark.failure_row("broker-partition")
async def test_messages_of_publishers_without_a_broker_arrive_by_polls(stack):
    """No edge can notice it: the periodic poll of heads finds what was never published."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        async with stack.fault("partition", f"{stack.message_service_role}>broker"):
            for number in range(3):
                await ann.send(conv, f"m{number}")
            await bob.wait_for(conv, ["m0", "m1", "m2"])
            assert (await stack.edge_stats("edge-blue-1"))["bus_connected"]
        await ann.send(conv, "m3")
        await bob.wait_for(conv, ["m0", "m1", "m2", "m3"])
        assert received_in_order_once(bob, conv)
