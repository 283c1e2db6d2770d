"""The messages DB fails over to its standby: what was acknowledged is there, and sends go on."""

import asyncio

import pytest
import pytest_asyncio

from gauntlet.chaos.faults import FAULTS
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import FixedTime

from .running_stack import SERVICES, direct_conversation, received_in_order_once, run_stack

pytestmark = [
    pytest.mark.integration,
    pytest.mark.full,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(require_service, tmp_path_factory):
    """A full stack with a standby of the messages DB."""
    for service in SERVICES["full"]:
        require_service(service)
    folder = tmp_path_factory.mktemp("full")
    with run_stack("full", folder, (), edges=1, standbys=["messages-db"]) as running:
        yield running


@pytest.mark.failure_row("messages-db-failover")
async def test_acknowledged_messages_survive_a_failover_and_sends_go_on(stack):
    """They are stored once, in the order of their positions, and connections stay."""
    params = {"promote_after": "500ms"}
    spec = Fault(id="f", kind="failover", target="messages-db", at=FixedTime(0), params=params)
    fault = FAULTS["failover"](spec)
    sent = []
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)

        async def send_on():
            while True:
                body = f"m{len(sent)}"
                await ann.send(conv, body)
                sent.append(body)

        sending = asyncio.create_task(send_on())
        while len(sent) < 5:
            await asyncio.sleep(0.05)
        try:
            await asyncio.to_thread(fault.inject, stack.context)
            assert await asyncio.to_thread(fault.prove, stack.context)
            acked = len(sent)
            while len(sent) < acked + 5:  # on the promoted server
                await asyncio.sleep(0.05)
        finally:
            await asyncio.to_thread(fault.heal, stack.context)
            verified = await asyncio.to_thread(fault.verify, stack.context)
        assert verified["primary"] == "messages-db-standby"
        sending.cancel()
        await asyncio.wait([sending])
        await ann.send(conv, "last")
        stored = await bob.history(conv)
        bodies = [each["body"] for each in stored]
        assert bodies[: len(sent)] == sent
        assert len(set(bodies)) == len(bodies)
        assert [each["seq"] for each in stored] == list(range(1, len(bodies) + 1))
        await bob.wait_for(conv, bodies)
        assert received_in_order_once(bob, conv)
        assert (ann.close_code, bob.close_code) == (None, None)
