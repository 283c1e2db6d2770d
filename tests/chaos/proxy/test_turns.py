"""Turns of stages with much to do."""

import asyncio
import time

from gauntlet.chaos.proxy.turns import Turns


async def iterations(number):
    """Let the loop go on for so many iterations: on a busy machine, one may take only one turn."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_turns_are_taken_in_order_and_cancelled_ones_are_not():
    turns, taken = Turns(), []
    waiting = [turns.add(lambda number=number: taken.append(number)) for number in range(4)]
    waiting[2].cancel()
    await iterations(20)
    assert taken == [0, 1, 3]


async def test_the_loop_goes_on_between_long_turns():
    """A hundred turns of 2 ms do not keep another callback waiting for 200 ms."""
    turns, taken = Turns(), []

    def work():
        time.sleep(0.002)
        taken.append(time.monotonic())

    for _ in range(100):
        turns.add(work)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(taken) < 5
    while len(taken) < 100:
        await asyncio.sleep(0)


async def test_a_turn_that_asks_for_another_one_does_not_hold_up_the_loop():
    turns, passes = Turns(), 0

    def work():
        nonlocal passes
        passes += 1
        turns.add(work)

    turns.add(work)
    for _ in range(10):
        await asyncio.sleep(0)
    assert 5 <= passes <= 12


async def test_a_turn_that_fails_does_not_hold_up_the_next_one():
    turns, taken = Turns(), []
    failures = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, each: failures.append(each))
    turns.add(lambda: 1 / 0)
    turns.add(lambda: taken.append(1))
    await iterations(20)
    assert (taken, len(failures)) == ([1], 1)
