"""Rows of the failure table about components that may lose data: the registry and the broker."""

import asyncio
import time

import pytest
from redis.asyncio import Redis

from .clients import Client, wait_until
from .running_stack import (
    BOTH_STACKS,
    RunningStack,
    create_room,
    direct_conversation,
    enter_all,
    marks_for_stacks,
    received_in_order_once,
    require_control_groups,
)

pytestmark = marks_for_stacks(BOTH_STACKS)
LINKS = ("edge>broker",)
PING_MS, GRACE_MS = 800, 1000
LEASE_S = 3 * PING_MS / 1000
# Ten seconds between polls: what arrives sooner while the bus is down came by the faster polls.
REQUEST = {
    "config": {
        "ping_ms": PING_MS,
        "pong_ms": 1200,
        "grace_ms": GRACE_MS,
        "heads_poll_ms": 10_000,
        "heads_poll_degraded_ms": 300,
    }
}
SOON_S = 6.0
REBUILT_S = 20.0


async def exchange(sender: Client, receiver: Client, conv: str, count: int = 5) -> None:
    """Send messages; each is acknowledged at the first attempt, and pushed before the slow poll."""
    for number in range(count):
        name = f"{conv}-{number}-{time.monotonic_ns()}"[-60:]
        expected = [*receiver.bodies(conv), name]
        message = {"client_msg_id": name, "body": name}
        status, answer = await sender.try_call(
            "POST", f"/v1/conversations/{conv}/messages", message
        )
        assert status == 201, answer
        await receiver.wait_for(conv, expected, SOON_S)


async def leases(stack: RunningStack, user: Client) -> int:
    """Return how many connections of a user are in the registry."""
    async with Redis.from_url(stack.redis_url("registry")) as redis:
        return int(await redis.zcard(f"user:{user.user}"))


@pytest.mark.parametrize("how", ["kill", "flush", "pause"])
@pytest.mark.failure_row("registry-down")
@pytest.mark.failure_row("registry-flushed")
async def test_a_registry_failure_loses_no_message_and_no_presence(stack, how):
    """Killed and empty after the restart, flushed, or paused for longer than a lease.

    A lease and a grace time later no user has been removed from the room, and the leases are back.
    """
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        room = await create_room(ann, bob)
        await enter_all(room, ann, bob)
        async with stack.fault(how, "registry"):
            await exchange(ann, bob, room)
            if how == "pause":
                await asyncio.sleep(LEASE_S)
        deadline = time.monotonic() + REBUILT_S
        while await leases(stack, ann) == 0 or await leases(stack, bob) == 0:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await exchange(bob, ann, room)
        await asyncio.sleep(LEASE_S + GRACE_MS / 1000 + 1.0)
        await exchange(ann, bob, room, count=1)
        assert [
            frame.room for frame in ann.received if frame.room and frame.room.event == "exited"
        ] == []
        assert received_in_order_once(ann, room)
        assert received_in_order_once(bob, room)
        assert not any(frame.gap for frame in ann.received + bob.received)


@pytest.mark.parametrize(("how", "target"), [("kill", "broker"), ("partition", "edge>broker")])
@pytest.mark.failure_row("broker-failure")
@pytest.mark.failure_row("broker-partition")
async def test_while_the_broker_is_lost_messages_arrive_by_polls(stack, how, target):
    """Sends continue, and the edges report that the bus is down."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        await exchange(ann, bob, conv, count=1)
        async with stack.fault(how, target):
            await asyncio.wait_for(stack.wait_for_bus(connected=False), SOON_S)
            await exchange(ann, bob, conv)
        await asyncio.wait_for(stack.wait_for_bus(connected=True), 2 * SOON_S)
        await exchange(ann, bob, conv)
        await wait_until(lambda: ann.bodies(conv) == bob.bodies(conv))
        assert received_in_order_once(bob, conv)
        assert (ann.close_code, bob.close_code) == (None, None)


@pytest.mark.parametrize(
    ("how", "target", "params"),
    [
        ("queue-delete", "edge", {"count": 2}),
        ("connection-churn", "broker", {"every": "400ms"}),
        ("oom-kill", "broker", {}),
    ],
)
async def test_edges_notice_that_they_lost_their_queue_or_connection(stack, how, target, params):
    """What was lost with it is pushed before the slow poll, and so is what follows."""
    if how == "oom-kill":
        require_control_groups("memory")
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        await exchange(ann, bob, conv, count=1)
        async with stack.fault(how, target, **params):
            await exchange(ann, bob, conv, count=3)
        await asyncio.wait_for(stack.wait_for_bus(connected=True), 2 * SOON_S)
        await exchange(ann, bob, conv)
        await wait_until(lambda: ann.bodies(conv) == bob.bodies(conv))
        assert received_in_order_once(bob, conv)
        assert (ann.close_code, bob.close_code) == (None, None)
