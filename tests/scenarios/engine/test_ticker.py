"""When an engine wakes up."""

import asyncio

import pytest

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.engine.ticker import Ticker


class Engine:
    """Counts ticks, each of which is due `pause_ms` after the one before."""

    def __init__(self, pause_ms):
        self.pause_ns = int(pause_ms * NS_PER_MS)
        self.ticks_ns, self.delays_ns, self.failures = [], [], []
        self.timers = Timers()
        self.ticker = Ticker(self.tick, self.timers, self.delays_ns.append, self.failures.append)

    def tick(self, now_ns):
        self.ticks_ns.append(now_ns)
        self.timers.run_due(now_ns)
        return now_ns + self.pause_ns


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_nothing_due_means_no_tick():
    engine = Engine(pause_ms=10_000)
    await asyncio.sleep(0.1)
    engine.ticker.stop()
    assert len(engine.ticks_ns) == 1


async def test_a_timer_brings_the_next_tick_forward():
    """Otherwise a call that a received frame has scheduled would wait for the next tick."""
    engine, called_ns = Engine(pause_ms=60_000), []
    await until(lambda: engine.ticks_ns)
    set_ns = clock.now_ns()
    engine.timers.at(set_ns + 30 * NS_PER_MS, lambda: called_ns.append(clock.now_ns()))
    await until(lambda: called_ns)
    engine.ticker.stop()
    (at_ns,) = called_ns
    assert at_ns - set_ns > 29 * NS_PER_MS
    assert len(engine.ticks_ns) <= 3


async def test_a_later_timer_leaves_the_next_tick_as_it_is():
    engine = Engine(pause_ms=40)
    await asyncio.sleep(0.02)
    due_ns = engine.timers.next_tick_ns
    engine.timers.at(due_ns + NS_PER_S, lambda: None)
    engine.ticker.tick_by(due_ns + 1)
    assert engine.timers.next_tick_ns == due_ns
    engine.ticker.stop()


async def test_pauses_are_whole_milliseconds():
    """So that what is due within the same millisecond shares a tick."""
    engine = Engine(pause_ms=0.2)
    await until(lambda: len(engine.ticks_ns) >= 10)
    engine.ticker.stop()
    took_ns = engine.ticks_ns[-1] - engine.ticks_ns[0]
    assert len(engine.ticks_ns) - 1 <= took_ns / NS_PER_MS + 1
    assert all(delay_ns >= 0 for delay_ns in engine.delays_ns)


async def test_the_delay_of_a_tick_includes_what_the_one_before_took():
    engine = Engine(pause_ms=1)
    await asyncio.sleep(0.01)
    called = []
    engine.timers.at(clock.now_ns(), lambda: (called.append(len(engine.delays_ns)), blocks(0.08)))
    await until(lambda: called and len(engine.delays_ns) > called[0])
    engine.ticker.stop()
    assert engine.delays_ns[called[0]] >= 79 * NS_PER_MS


@pytest.mark.parametrize("pause_ms", [1, 10_000])
async def test_a_burst_of_calls_does_not_postpone_the_next_tick(pause_ms):
    engine, called_ns = Engine(pause_ms), []
    await asyncio.sleep(0.02)
    due_ns = clock.now_ns() + 2 * NS_PER_MS
    engine.timers.at(due_ns, lambda: called_ns.append(clock.now_ns()))
    until_ns = due_ns + 30 * NS_PER_S
    while not called_ns and clock.now_ns() < until_ns:
        engine.ticker.tick_by(0)
        await asyncio.sleep(0)
    engine.ticker.stop()
    assert called_ns


@pytest.mark.parametrize("at_ns", [0, None])
async def test_a_burst_of_calls_does_not_hide_the_delay_of_an_overdue_tick(at_ns):
    engine = Engine(pause_ms=10_000)
    await asyncio.sleep(0.02)
    due_ns = clock.now_ns() + 2 * NS_PER_MS
    engine.timers.at(due_ns, lambda: None)
    set_ns = clock.now_ns()  # later than it was due, if the machine was busy
    until_ns = set_ns + 102 * NS_PER_MS
    while clock.now_ns() < until_ns:
        engine.ticker.tick_by(clock.now_ns() if at_ns is None else at_ns)
    await until(lambda: len(engine.ticks_ns) >= 2)
    engine.ticker.stop()
    late_ns = engine.ticks_ns[1] - max(due_ns, set_ns)
    assert late_ns >= 100 * NS_PER_MS
    assert engine.delays_ns[1] >= late_ns - 2 * NS_PER_MS


def blocks(seconds):
    """Keep the loop busy."""
    until_ns = clock.now_ns() + int(seconds * NS_PER_S)
    while clock.now_ns() < until_ns:
        pass


async def test_a_tick_that_fails_is_reported_and_is_the_last():
    engine = Engine(pause_ms=1)
    await asyncio.sleep(0.01)
    engine.timers.at(0, lambda: 1 // 0)
    await until(lambda: engine.failures)
    ticks = len(engine.ticks_ns)
    await asyncio.sleep(0.05)
    assert [type(failure) for failure in engine.failures] == [ZeroDivisionError]
    assert len(engine.ticks_ns) == ticks


@pytest.mark.parametrize("stopped_in_tick", [False, True])
async def test_there_is_no_tick_after_the_end(stopped_in_tick):
    engine = Engine(pause_ms=1)
    if stopped_in_tick:
        engine.timers.at(0, engine.ticker.stop)
    else:
        engine.ticker.stop()
    await asyncio.sleep(0.05)
    assert len(engine.ticks_ns) == stopped_in_tick
    engine.timers.at(0, lambda: None)
    engine.ticker.tick_by(0)
    await asyncio.sleep(0.02)
    assert len(engine.ticks_ns) == stopped_in_tick
