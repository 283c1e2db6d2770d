"""Rows of the failure table that only the full stack has: its databases, its broker's alarm."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from .clients import wait_until
from .running_stack import direct_conversation, marks_for_stacks, received_in_order_once

pytestmark = marks_for_stacks(("full",))
LINKS = ()
# Ten seconds between polls: what arrives sooner while the bus is down came by the faster polls.
REQUEST = {"config": {"heads_poll_ms": 10_000, "heads_poll_degraded_ms": 300}}
SOON_S = 6.0


@asynccontextmanager
async def background_sends(sender, conv):
    """Send messages one after the other, each until it is stored; yields their bodies."""
    sent = []

    async def send():
        for number in itertools.count():
            await sender.send(conv, f"b{number}")
            sent.append(f"b{number}")
            await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    try:
        yield sent
    finally:
        sending.cancel()
        await asyncio.wait([sending])


@pytest.mark.failure_row("messages-db-down")
async def test_without_the_messages_db_sends_fail_in_time_and_connections_stay(stack):
    """Nothing is acknowledged without a row; each retried send gets one row and one position."""
    async with stack.users("ann", "bob", "carl") as (ann, bob, carl), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        path = f"/v1/conversations/{conv}/messages"
        await ann.send(conv, "before")
        await bob.wait_for(conv, ["before"])
        sends = [{"client_msg_id": f"c{number}", "body": f"m{number}"} for number in range(5)]
        async with stack.fault("kill", "messages-db"):
            refused = await asyncio.gather(*(ann.try_call("POST", path, send) for send in sends))
            assert {status for status, _ in refused} <= {503, 504}
            for _, answer in refused:
                assert answer["error"]["temporary"]
                assert answer["error"]["stored"] in ("no", "unknown")
            status, answer = await bob.try_call("GET", path)
            assert (status >= 503, answer["error"]["temporary"]) == (True, True)
            with pytest.raises(ConnectionClosed) as rejected:
                async with carl.online():
                    pass
            assert rejected.value.rcvd.code == 1013
        assert (ann.close_code, bob.close_code) == (None, None)
        answers = [await ann.send(conv, send["body"], send["client_msg_id"]) for send in sends]
        repeated = [await ann.send(conv, send["body"], send["client_msg_id"]) for send in sends]
        assert [each["seq"] for each in answers] == [each["seq"] for each in repeated]
        assert all(each["dup"] for each in repeated)
        stored = await bob.history(conv)
        assert sorted(each["body"] for each in stored[1:]) == [send["body"] for send in sends]
        assert [each["seq"] for each in stored] == list(range(1, 7))
        await bob.wait_for(conv, [each["body"] for each in stored])
        assert received_in_order_once(bob, conv)


@pytest.mark.failure_row("users-db-down")
async def test_without_the_users_db_users_with_a_token_continue(stack):
    """A new user cannot log in; a user with a token sends, receives and reconnects."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online():
        conv = direct_conversation(ann, bob)
        async with stack.fault("kill", "users-db"):
            new_user = {"user": "stranger", "device": "d0"}
            status, answer = await ann.try_call("POST", "/v1/sessions", new_user)
            assert (status, answer["error"]["temporary"]) == (503, True)
            async with bob.online():
                await ann.send(conv, "one")
                await bob.wait_for(conv, ["one"], SOON_S)
            await bob.log_in()
            async with bob.online():
                await ann.send(conv, "two")
                await bob.wait_for(conv, ["one", "two"], SOON_S)
        assert (await ann.try_call("POST", "/v1/sessions", new_user))[0] == 200


@pytest.mark.failure_row("broker-blocked")
async def test_while_the_broker_blocks_publishers_messages_arrive_by_polls(stack):
    """Sends are acknowledged immediately, edges report the lost bus, and nothing arrives twice."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        sent = []
        async with stack.fault("block", "broker"):
            await asyncio.wait_for(stack.wait_for_bus(connected=False), SOON_S)
            for number in range(5):
                sent.append(f"m{number}")
                message = {"client_msg_id": f"b{number}", "body": f"m{number}"}
                path = f"/v1/conversations/{conv}/messages"
                assert (await ann.try_call("POST", path, message))[0] == 201
                await bob.wait_for(conv, sent, SOON_S)
        await asyncio.wait_for(stack.wait_for_bus(connected=True), 2 * SOON_S)
        await ann.send(conv, "after")
        await bob.wait_for(conv, [*sent, "after"])
        assert received_in_order_once(bob, conv)
        assert (ann.close_code, bob.close_code) == (None, None)
        await wait_until(lambda: ann.bodies(conv) == bob.bodies(conv))


@pytest.mark.parametrize(
    ("how", "params"),
    [("read-only", {}), ("lock-table", {"mode": "writes"}), ("terminate-backends", {})],
)
async def test_a_messages_db_that_refuses_or_delays_writes_loses_none(stack, how, params):
    """A refused send is temporary, and its retry gets one row; reads go on."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        async with background_sends(ann, conv) as sent:
            await wait_until(lambda: len(sent) >= 3)
            async with stack.fault(how, "messages-db", **params):
                await bob.history(conv)
            before = len(sent)
            await wait_until(lambda: len(sent) >= before + 3)
        stored = [each["body"] for each in await ann.history(conv)]
        assert [body for body in stored if body in sent] == sent
        assert len(set(stored)) == len(stored)
        await wait_until(lambda: bob.bodies(conv) == stored)
        assert received_in_order_once(bob, conv)
        assert (ann.close_code, bob.close_code) == (None, None)
