"""The list of heads is read once a second by each user in turn, and recorded as empty pages."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Kind, PageFlag
from gauntlet.core.scenario.capabilities import HEADS
from gauntlet.scenarios.adapters.base import Immediate, ProtocolError
from gauntlet.scenarios.engine.actions import head_reads
from gauntlet.scenarios.engine.actions.head_reads import HeadReads
from gauntlet.scenarios.workloads.entities import Conversation

from ...world import ANN, BOB, ROOM, TALK
from .fake_member import FakeMember

OTHER = Conversation(9, "d.x.y", "direct", (7, 8))


class FakeSession(FakeMember):
    """A member who asks for their heads; what they are told of others is kept."""

    def __init__(self, user, answers):
        super().__init__(user, answers)
        self.reads, self.told = True, []
        self.receiver = SimpleNamespace(
            on_heads=lambda heads, *, fresh: self.told.append((heads, fresh))
        )

    def heads(self):
        answer = self._answers.pop(0)
        return None if answer is None else Immediate(value=answer)


@pytest.fixture
def bench(world, monkeypatch):
    """The reads of Ann and Bob, in a load with 4 s of ramp and 3 s of arrivals."""
    answers, asked = [], []
    sessions = {user.number: FakeSession(user, answers) for user in (ANN, BOB)}

    async def call_and_wait(_port, channel, _gateway, call, _timeout_s):
        asked.append(channel.codec.user.number)
        world.time_ns += 7 * NS_PER_MS
        await asyncio.sleep(0)
        if isinstance(call.value, Exception):
            raise call.value
        return call.value

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    world.context.conversations[OTHER.name] = OTHER
    plan = SimpleNamespace(
        load=SimpleNamespace(
            scenario=SimpleNamespace(load=SimpleNamespace(ramp=4.0, steady=3.0, rate_per_s=40.0))
        ),
        adapter=SimpleNamespace(capabilities=set(world.context.adapter.capabilities)),
        traffic=SimpleNamespace(users=[ANN, BOB]),
    )
    transport = SimpleNamespace(spawn=asyncio.ensure_future)

    def make():
        return HeadReads(plan, world.context, transport, sessions)

    async def read(seconds=0.9):
        ((offset_ns, user, action),) = make().scheduled_actions()
        assert (offset_ns, user) == (4 * NS_PER_S, ANN.number)
        action(sessions[ANN.number])
        action(sessions[ANN.number])  # the engine calls it for each device
        for _ in range(round(seconds * 100)):
            world.pass_ms(10)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    return SimpleNamespace(
        make=make, read=read, answers=answers, asked=asked, sessions=sessions, plan=plan
    )


def pages(world):
    """Return conversation, reader's connection and head of every recorded page."""
    kept = world.kinds(Kind.PAGE)
    assert all(page.fields["seq"] == page.fields["sseq"] for page in kept)
    assert {page.fields["spare"] for page in kept} <= {PageFlag.LAST | PageFlag.HEADS}
    return [(page.fields["conv"], page.fields["link"], page.fields["sseq"]) for page in kept]


async def test_a_conversation_that_the_list_leaves_out_has_no_entries(world, bench):
    bench.answers.append({TALK.name: 5})
    await bench.read()
    assert pages(world) == [(TALK.number, 11, 5), (ROOM.number, 11, 0)]
    first, _ = world.kinds(Kind.PAGE)
    assert first.t_ns - first.fields["ref_ns"] == 7 * NS_PER_MS


async def test_users_take_turns(world, bench):
    bench.answers += [{}, {}, {}]
    await bench.read(6)
    assert bench.asked == [ANN.number, BOB.number, ANN.number]


async def test_the_client_learns_only_of_conversations_of_others(bench):
    bench.answers.append({TALK.name: 5, OTHER.name: 3, "d.unknown.x": 1})
    await bench.read()
    assert bench.sessions[ANN.number].told == [({OTHER.name: 3}, False)]


async def test_a_room_of_which_the_reader_may_be_no_member_is_not_recorded(world, bench):
    bench.sessions[ANN.number].member = False
    bench.answers.append({TALK.name: 5, ROOM.name: 2})
    await bench.read()
    assert pages(world) == [(TALK.number, 11, 5)]


@pytest.mark.parametrize("answer", [ProtocolError("HTTP 503"), None, {TALK.name: -1}, ["x"]])
async def test_what_is_no_list_of_heads_leaves_no_record(answer, world, bench):
    bench.answers.append(answer)
    await bench.read()
    assert pages(world) == []


async def test_users_without_a_connection_do_not_read(world, bench):
    bench.sessions[ANN.number].connected = False
    bench.answers.append({})
    await bench.read()
    assert bench.asked == [BOB.number]


@pytest.mark.parametrize("change", ["capability", "rate"])
def test_nothing_is_read_without_the_capability_or_in_a_fast_load(change, bench):
    if change == "capability":
        bench.plan.adapter.capabilities -= {HEADS}
    else:
        bench.plan.load.scenario.load.rate_per_s = head_reads.RATE_MAX + 1
    assert list(bench.make().scheduled_actions()) == []
