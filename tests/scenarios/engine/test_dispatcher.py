"""Arrivals: each one becomes an op or is missed, and none waits."""

from random import Random

import pytest

from gauntlet.core.history import Kind, Miss
from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.dispatcher import Dispatcher
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic

ZERO = 5_000_000_000
SECOND = 1_000_000_000


def release(world, ready=True, stripe=Stripe(), **load):  # noqa: B008 - a plain value
    """The arrivals of two users who talk ten times a second for two seconds."""
    scenario = {
        "version": 1, "name": "x", "about": "x",
        "load": {"users": 2, "rate": "10/s", "ramp": "1s", "steady": "2s", **load},
    }  # fmt: skip
    traffic = Traffic(from_builtins(scenario), stripe)
    (conv,) = traffic.conversations.values()
    world.ledger.open(conv)
    sessions = {user.number: Session(world.context, user, Random(1)) for user in traffic.users}
    return Dispatcher(ZERO, traffic, world.context, sessions, {conv.number} if ready else set())


def misses(world):
    """Why arrivals were missed, and how often, as the history has it."""
    why = [record.fields["spare"] for record in world.kinds(Kind.MISSED)]
    assert world.ledger.missed == len(why)
    return {Miss(one): why.count(one) for one in why}


async def at_the_end(world, made):
    """(intended, ops, missed) after the load's time is over."""
    world.time_ns = ZERO + 2 * SECOND
    made.stop(world.time_ns)
    return await made.intended(), world.ledger.ops, world.ledger.missed


async def test_every_arrival_becomes_an_op_where_there_is_room(world):
    """Twenty are due in two seconds, and are released on time although there are no answers."""
    made = release(world)
    made.release(ZERO - 1)
    assert world.ledger.ops == 0
    made.release(ZERO + SECOND)
    assert world.ledger.ops == 11
    assert await at_the_end(world, made) == (20, 20, 0)
    intended = [record.fields["ref_ns"] for record in world.kinds(Kind.OP)]
    assert intended == [ZERO + at * SECOND // 10 for at in range(20)]


async def test_an_arrival_without_a_ready_sender_is_missed(world):
    """It is recorded with its intended time, but without an author and a conversation."""
    made = release(world, ready=False)
    assert await at_the_end(world, made) == (20, 0, 20)
    assert misses(world) == {Miss.NO_SENDER: 20}
    first = world.kinds(Kind.MISSED)[0]
    assert (first.fields["ref_ns"], first.fields["peer"], first.fields["conv"]) == (ZERO, 0, 0)


@pytest.mark.parametrize(
    ("bound", "why", "ops"), [("queue_max", Miss.QUEUE, 6), ("backlog_max", Miss.BACKLOG, 3)]
)
async def test_a_full_backlog_misses_arrivals_and_names_their_senders(world, bound, why, ops):
    """Three may wait in each of the two senders' queues, or at the worker as a whole."""
    made = release(world, **{bound: 3})
    assert await at_the_end(world, made) == (20, ops, 20 - ops)
    assert misses(world) == {why: 20 - ops}
    assert {record.fields["peer"] for record in world.kinds(Kind.MISSED)} == {1, 2}


async def test_missing_arrivals_never_changes_who_says_what(world):
    """The ops that are made under a bound are the same ones that are made without it."""

    def made_with(**load):
        world.records.clear()
        world.ledger.__init__()
        release(world, **load).stop(ZERO + 2 * SECOND)
        return [
            (record.fields["ref_ns"], record.fields["peer"], record.fields["sseq"])
            for record in world.kinds(Kind.OP, Kind.MISSED)
        ]

    assert made_with(queue_max=2) == made_with()


async def test_workers_share_the_backlog(world):
    """A third of seven, rounded up."""
    made = release(world, users=6, stripe=Stripe(0, 3), backlog_max=7)
    assert await at_the_end(world, made) == (7, 3, 4)


async def test_an_early_stop_is_held_against_the_schedule_up_to_it(world):
    """What is due by then is released first, even if the loop was late; a second stop adds none."""
    made = release(world)
    made.stop(ZERO + SECOND)
    made.stop(ZERO + 2 * SECOND)
    made.release(ZERO + 2 * SECOND)
    assert (await made.intended(), world.ledger.ops, made.next_ns) == (11, 11, None)


async def test_what_tasks_send_is_intended_too(world):
    """Sends outside of the schedule are not counted against it."""
    made = release(world, ready=False)
    world.ledger.submit()
    assert await at_the_end(world, made) == (21, 1, 20)
    closed = release(world, model="closed")
    world.ledger.submit()
    closed.stop(ZERO + 2 * SECOND)
    assert (await closed.intended(), closed.next_ns) == (2, None)
