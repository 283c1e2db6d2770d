"""The repetition of a read while the load runs, with a transport that runs tasks."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.scenarios.engine.actions.periodic_reads import PeriodicReads

from ...world import ANN

PERIOD_NS = 500 * NS_PER_MS


@pytest.fixture
def bench(world):
    """Reads in a load with 4 s of ramp and 2 s of arrivals; `begun` are their times in ms."""
    begun, answered = [], asyncio.Event()

    async def read():
        begun.append((world.time_ns - bench.started_ns) // NS_PER_MS)
        await answered.wait()

    load = SimpleNamespace(ramp=4.0, steady=2.0)
    plan = SimpleNamespace(load=SimpleNamespace(scenario=SimpleNamespace(load=load)))
    transport = SimpleNamespace(spawn=asyncio.ensure_future)
    bench = SimpleNamespace(begun=begun, answered=answered, started_ns=0, can_read=True)
    bench.reads = PeriodicReads(
        plan, world.context, transport, PERIOD_NS, lambda: read() if bench.can_read else None
    )

    async def pass_s(seconds):
        for _ in range(round(seconds * 100)):
            world.pass_ms(10)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def begin():
        bench.started_ns = world.time_ns
        offset_ns, user, action = bench.reads.first_read(ANN.number)
        assert (offset_ns, user) == (4 * NS_PER_S, ANN.number)
        action(None)
        action(None)  # the engine calls it for each device of the user

    bench.pass_s, bench.begin = pass_s, begin
    return bench


async def test_reads_follow_each_other_until_the_arrivals_end(bench):
    bench.answered.set()
    bench.begin()
    await bench.pass_s(4)
    assert len(bench.begun) == 4
    assert all(abs(at - 500 * number) <= 40 for number, at in enumerate(bench.begun))


async def test_a_turn_is_left_out_while_a_read_waits(bench):
    bench.begin()
    await bench.pass_s(1.2)
    assert len(bench.begun) == 1
    bench.answered.set()
    await bench.pass_s(0.5)
    assert len(bench.begun) == 2


async def test_a_turn_is_left_out_while_no_user_can_read(bench):
    bench.answered.set()
    bench.can_read = False
    bench.begin()
    await bench.pass_s(0.7)
    assert bench.begun == []
    bench.can_read = True
    await bench.pass_s(0.5)
    assert len(bench.begun) == 1


async def test_a_read_that_is_cancelled_does_not_stop_the_others(bench):
    bench.begin()
    await bench.pass_s(0.1)
    (waiting,) = (task for task in asyncio.all_tasks() if task is not asyncio.current_task())
    waiting.cancel()
    await bench.pass_s(0.5)
    assert len(bench.begun) == 2
