"""Disks of the full stack that fill up, fail or are damaged: reported, and nothing is lost."""

import asyncio
import contextlib
import os
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from gauntlet.chaos.clients.postgres import PostgresSession

from .clients import wait_until
from .running_stack import SERVICES, direct_conversation, received_in_order_once, run_stack
from .test_failure_stores import background_sends

pytestmark = [
    pytest.mark.integration,
    pytest.mark.full,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

BACK_S = 90.0  # a PostgreSQL that ended starts again, and recovers
PAGE_BYTES = 8192


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(require_service, traversable_folder):
    """A full stack whose messages DB has a disk of its own."""
    for service in SERVICES["full"]:
        require_service(service)
    with run_stack("full", traversable_folder, (), disks=["messages-db"], edges=1) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(require_service, tmp_path_factory):
    """A full stack with a standby of the messages DB."""
    for service in SERVICES["full"]:
        require_service(service)
    folder = tmp_path_factory.mktemp("pair")
    with run_stack("full", folder, (), edges=1, standbys=["messages-db"]) as running:
        yield running


async def is_ready(stack, user):
    """Whether every gateway says that it can work."""
    statuses = [(await user.try_call("GET", "/readyz", api=api))[0] for api in stack.api]
    return set(statuses) == {200}


async def wait_for_readiness(stack, user, *, ready):
    """Wait until the gateways say that they can work, or that one cannot."""
    async with asyncio.timeout(BACK_S):
        while await is_ready(stack, user) is not ready:
            await asyncio.sleep(0.1)


async def assert_all_is_there(ann, bob, conv, sent):
    """What was acknowledged is stored once, in its order, and was pushed once."""
    stored = [each["body"] for each in await ann.history(conv)]
    assert [body for body in stored if body in sent] == sent
    assert len(set(stored)) == len(stored)
    await bob.wait_for(conv, stored)
    assert received_in_order_once(bob, conv)
    assert (ann.close_code, bob.close_code) == (None, None)


@pytest.mark.parametrize("kind", ["disk-full", "disk-read-only", "disk-error"])
async def test_a_disk_that_stores_nothing_is_reported_and_the_server_comes_back(stack, kind):
    """Sends fail meanwhile; what is acknowledged is stored, and no one has to intervene."""
    if stack.context.no_disks:
        pytest.skip(stack.context.no_disks)
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        await ann.send(conv, "first")
        async with stack.fault(kind, "messages-db"):
            message = {"client_msg_id": "during", "body": "during"}
            path = f"/v1/conversations/{conv}/messages"
            status, answer = await ann.try_call("POST", path, message)
            assert (status in (503, 504), answer["error"]["temporary"]) == (True, True)
            await wait_for_readiness(stack, ann, ready=False)
        await wait_for_readiness(stack, ann, ready=True)
        await ann.send(conv, "during", "during")
        await ann.send(conv, "last")
        await assert_all_is_there(ann, bob, conv, ["first", "during", "last"])


async def test_messages_arrive_while_rabbitmq_has_no_disk_space(stack):
    """The broker blocks its publishers, which the edges report; polls deliver."""
    async with stack.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        async with background_sends(ann, conv) as sent:
            await wait_until(lambda: len(sent) >= 3)
            async with stack.fault("disk-alarm", "broker"):
                before = len(sent)
                await wait_until(lambda: len(sent) >= before + 10)
                during = list(sent)
                await wait_until(lambda: bob.bodies(conv)[: len(during)] == during)
            before = len(sent)
            await wait_until(lambda: len(sent) >= before + 3)
        stored = [each["body"] for each in await ann.history(conv)]
        await bob.wait_for(conv, stored)
        await assert_all_is_there(ann, bob, conv, [body for body in stored if body in sent])


def damage_wal(stack):
    """Kill the messages DB, and overwrite the first page of its WAL that a recovery reads."""
    control = stack.context.require_control()
    component = control.components()["messages-db"]
    folder = Path(psutil.Process(component.pid).cwd())
    session = PostgresSession(component.address, control.password("messages-db"))
    try:
        ((redo, file, size),) = session.fetch(
            "SELECT redo_lsn::text, redo_wal_file, s.setting::bigint "
            "FROM pg_control_checkpoint(), pg_settings s WHERE s.name = 'wal_segment_size'"
        )
    finally:
        session.close()
    control.kill("messages-db")
    offset = int(redo.partition("/")[2], 16) % size
    segment = folder / "pg_wal" / file
    with segment.open("r+b") as wal:
        wal.seek(offset)
        wal.write(os.urandom(PAGE_BYTES))
    return control


async def test_with_a_standby_a_damaged_page_of_the_wal_costs_nothing(pair):
    """The instruction is to promote it; the damaged server then takes its data from it."""
    async with pair.users("ann", "bob") as (ann, bob), ann.online(), bob.online():
        conv = direct_conversation(ann, bob)
        sent = [f"m{number}" for number in range(20)]
        for body in sent:
            await ann.send(conv, body)
        control = await asyncio.to_thread(damage_wal, pair)
        await asyncio.to_thread(control.promote, "messages-db-standby")
        await asyncio.to_thread(control.start, "messages-db")
        sent.append("last")
        await ann.send(conv, "last")
        await assert_all_is_there(ann, bob, conv, sent)
        states = {name: each.state for name, each in control.components().items()}
        assert (states["messages-db"], states["messages-db-standby"]) == ("up", "up")


async def test_without_a_standby_a_damaged_page_of_the_wal_ends_the_history_before_it(stack):
    """PostgreSQL takes the damage for the end of its log; only the records of clients show it."""
    async with stack.users("ann", "bob") as (ann, bob):
        conv = direct_conversation(ann, bob)
        sent = [f"m{number}" for number in range(20)]
        for body in sent:
            await ann.send(conv, body)
        control = await asyncio.to_thread(damage_wal, stack)
        with contextlib.suppress(Exception):  # it may also refuse to start
            await asyncio.to_thread(control.start, "messages-db")
        state = control.components()["messages-db"].state
        if state == "up":
            await wait_for_readiness(stack, ann, ready=True)
            assert [each["body"] for each in await ann.history(conv)] != sent
