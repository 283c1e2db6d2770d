"""limit-data and slicer act on the links to PostgreSQL and RabbitMQ, and services come back."""

import asyncio

import pytest
import pytest_asyncio

from gauntlet.chaos.faults import FAULTS
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import FixedTime

from .clients import wait_until
from .running_stack import SERVICES, direct_conversation, received_in_order_once, run_stack

LINKS = ("gateway>messages-db", "edge>broker")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.full,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(require_service, tmp_path_factory):
    """A full stack whose links to the stores go through the embedded fault proxy."""
    for service in SERVICES["full"]:
        require_service(service)
    folder = tmp_path_factory.mktemp("full")
    with run_stack("full", folder, LINKS, "embedded", edges=1) as running:
        yield running


def fault_on(kind, link, **params):
    """A fault, to be injected by the test itself."""
    spec = Fault(id="f", kind=kind, target=link, at=FixedTime(0), params=params)
    return FAULTS[kind](spec)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("stream", ["both", "downstream"])
async def test_limit_data_cuts_an_answer_of_the_store_after_so_many_bytes(stack, link, stream):
    fault = fault_on("limit-data", link, bytes=300, stream=stream)
    try:
        await asyncio.to_thread(fault.inject, stack.context)
        proof = await asyncio.to_thread(fault.prove, stack.context)
        assert proof["during"]
        for name, during in proof["during"].items():
            before = proof["before"][name]
            assert before["received"] > 300
            assert before["ended"] in ("closed", "answered")
            assert during["ended"] in ("closed", "reset")
            # In both directions, a long request may be cut before there is an answer.
            assert during["received"] == 300 or (stream == "both" and during["sent"] > 300)
    finally:
        await asyncio.to_thread(fault.heal, stack.context)
        await asyncio.to_thread(fault.verify, stack.context)


@pytest.mark.parametrize("link", LINKS)
async def test_slicer_delays_an_answer_of_the_store_by_its_pieces(stack, link):
    fault = fault_on("slicer", link, bytes=40, delay="10ms", stream="downstream")
    try:
        await asyncio.to_thread(fault.inject, stack.context)
        proof = await asyncio.to_thread(fault.prove, stack.context)
        assert proof["during"]
        for name, during in proof["during"].items():
            late_ms = during["last_ms"] - proof["before"][name]["last_ms"]
            pieces = during["received"] / 60  # 40 bytes and half of it more
            assert late_ms >= 10 * (pieces - 1) / 2
            assert during["received"] == proof["before"][name]["received"]
    finally:
        await asyncio.to_thread(fault.heal, stack.context)
        await asyncio.to_thread(fault.verify, stack.context)


@pytest.mark.parametrize(
    ("kind", "params"),
    [("limit-data", {"bytes": 1_000_000}), ("slicer", {"bytes": 65_536, "delay": "1ms"})],
)
@pytest.mark.parametrize("link", LINKS)
async def test_limits_that_no_answer_reaches_are_unproven(stack, link, kind, params):
    """The run is then inconclusive."""
    fault = fault_on(kind, link, **params)
    try:
        await asyncio.to_thread(fault.inject, stack.context)
        assert await asyncio.to_thread(fault.prove, stack.context) == {}
    finally:
        detail = await asyncio.to_thread(fault.heal, stack.context)
        await asyncio.to_thread(fault.verify, stack.context)
    assert set(detail["unproven"]) == {"before", "during"}


@pytest.mark.parametrize("link", LINKS)
async def test_messages_arrive_once_and_in_order_although_connections_end(stack, link):
    bodies = [f"m{number}" for number in range(4)]
    async with stack.users("ann", "bob") as (ann, bob), bob.online():
        conv = direct_conversation(ann, bob)
        async with stack.fault("limit-data", link, bytes=300):
            sending = [asyncio.create_task(ann.send(conv, body)) for body in bodies[:-1]]
            await asyncio.sleep(1.0)
        await asyncio.gather(*sending)
        await ann.send(conv, bodies[-1])
        await wait_until(lambda: set(bob.bodies(conv)) == set(bodies))
        assert received_in_order_once(bob, conv)
