"""Members are removed and added again, on a peer over real sockets."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.history import Kind, ProbeResult, RoomEvent
from gauntlet.scenarios.adapters.base import Entry, Immediate, Page, ProtocolError
from gauntlet.scenarios.engine.actions.member_changes import MemberChanges

from ...world import ANN, BOB, ROOM


class FakeSession:
    """Knows whether its user is a member."""

    def __init__(self, user):
        self.user, self.member, self.calls, self.errors = user, True, [], []
        self.receiver = self
        self.request_channel = SimpleNamespace(
            codec=self,
            gateway=0,
            connection_number=4,
            switch_gateway=lambda _: None,
            record_error=self.errors.append,
        )

    def is_member(self, conv):
        return self.member

    def join(self, conv, position):
        self.member = True
        self.calls.append(("join", position))

    def expel(self, conv):
        self.member = False
        self.calls.append(("expel", conv.name))

    def show_history(self, conv, entries):
        self.calls.append(("show", [entry.seq for entry in entries]))

    def history(self, conv, after, limit):
        return Immediate(value=("read", after))

    def add_member(self, conv, user):
        return Immediate(value=("add", user))

    def remove_member(self, conv, user):
        return Immediate(value=("remove", user))


class FakeStrangers:
    """Notes who acts as a stranger."""

    def __init__(self):
        self.visitors = []

    async def try_all(self, session, conv):
        assert not session.member
        self.visitors.append(session.user.name)


@pytest.fixture
def bench(world, monkeypatch):
    """The changes of a room of Ann, who has created it, and Bob."""
    sessions = {user.number: FakeSession(user) for user in (ANN, BOB)}
    strangers, answers, tasks, pages, read_error = FakeStrangers(), [], [], [], []

    async def call_and_wait(_transport, channel, _gateway, call, _timeout_s):
        reads = call.value[0] == "read"
        assert channel is sessions[(BOB if reads else ANN).number].request_channel
        if reads:
            pages.append(call.value[1])
            if read_error:
                raise read_error[0]
            return Page([Entry(ROOM.name, seq) for seq in range(7, 12)], 11)
        answer = answers.pop(0)
        if answer is None:
            raise ProtocolError("no answer")
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    transport = SimpleNamespace(spawn=lambda job: tasks.append(asyncio.ensure_future(job)))
    removed = []

    def on_removed(conv, position):
        removed.append((conv.name, position))

    changes = MemberChanges(world.context, transport, sessions, 1, strangers, on_removed)

    async def change(event, answer):
        answers.append(answer)
        changes.begin(sessions[BOB.number], ROOM, event)
        while not all(task.done() for task in tasks):  # the last one may spawn another
            await asyncio.gather(*tasks)
        return sessions[BOB.number].calls

    return SimpleNamespace(change=change, strangers=strangers, answers=answers, changes=changes,
                           ann=sessions[ANN.number], bob=sessions[BOB.number], tasks=tasks,
                           pages=pages, read_error=read_error, removed=removed)  # fmt: skip


async def test_a_member_is_removed_acts_as_a_stranger_and_is_added_again(world, bench):
    assert await bench.change(RoomEvent.REMOVED, 7) == [("expel", ROOM.name)]
    assert bench.strangers.visitors == [BOB.name]
    assert bench.removed == [(ROOM.name, 7)]
    assert (await bench.change(RoomEvent.ADDED, 8))[1:] == [("join", 8)]
    assert bench.pages == []  # nothing lies between the two positions
    removed, added = world.kinds(Kind.MEMBERSHIP)
    assert removed.fields == {
        "ref_ns": world.time_ns, "conv": ROOM.number, "link": 4, "peer": BOB.number,
        "sseq": RoomEvent.REMOVED, "seq": 7, "spare": ProbeResult.GRANTED,
    }  # fmt: skip
    assert (added.fields["sseq"], added.fields["seq"]) == (RoomEvent.ADDED, 8)


async def test_what_a_server_gives_of_the_time_of_an_absence_is_shown(bench):
    await bench.change(RoomEvent.REMOVED, 7)
    calls = await bench.change(RoomEvent.ADDED, 10)
    assert bench.pages == [7]
    assert calls[1:] == [("join", 10), ("show", [8, 9])]


async def test_a_removed_member_is_not_waited_for(world, bench):
    (room,) = [counts for number, counts in world.ledger._conversations.items() if number == 2]
    assert room.watching == 0b11
    await bench.change(RoomEvent.REMOVED, 7)
    assert room.watching == 0b01
    await bench.change(RoomEvent.ADDED, 9)
    assert room.watching == 0b11


async def test_without_an_answer_nothing_is_certain_and_nobody_acts_as_a_stranger(world, bench):
    assert await bench.change(RoomEvent.REMOVED, None) == [("expel", ROOM.name)]
    assert bench.strangers.visitors == bench.removed == []
    (record,) = world.kinds(Kind.MEMBERSHIP)
    assert (record.fields["seq"], record.fields["spare"]) == (0, ProbeResult.UNKNOWN)
    assert await bench.change(RoomEvent.ADDED, None) == [("expel", ROOM.name)]


@pytest.mark.parametrize("answer", ["7", -1, 1.5, True, [7]])
async def test_an_answer_that_is_no_position_is_no_answer(answer, world, bench):
    await bench.change(RoomEvent.REMOVED, answer)
    (record,) = world.kinds(Kind.MEMBERSHIP)
    assert (record.fields["seq"], record.fields["spare"]) == (0, ProbeResult.UNKNOWN)


async def test_an_exception_of_the_adapter_costs_one_change(world, bench):
    """It must not end the load; whether the change took effect is not known."""
    error = KeyError("position")
    await bench.change(RoomEvent.REMOVED, error)
    assert bench.ann.errors == [error]
    assert bench.strangers.visitors == []
    await bench.change(RoomEvent.ADDED, 8)
    results = [record.fields["spare"] for record in world.kinds(Kind.MEMBERSHIP)]
    assert results == [ProbeResult.UNKNOWN, ProbeResult.GRANTED]


async def test_an_exception_of_the_adapter_costs_the_page_of_one_absence(bench):
    bench.read_error.append(KeyError("entries"))
    await bench.change(RoomEvent.REMOVED, 7)
    calls = await bench.change(RoomEvent.ADDED, 10)
    assert calls[1:] == [("join", 10)]
    assert bench.bob.errors == bench.read_error


async def test_a_change_that_would_change_nothing_is_left_out(world, bench):
    assert await bench.change(RoomEvent.ADDED, 5) == []
    assert world.kinds(Kind.MEMBERSHIP) == []


async def test_one_change_of_a_member_is_under_way_at_a_time(world, bench):
    bench.answers += [7, 8]
    for _ in range(2):
        bench.changes.begin(bench.bob, ROOM, RoomEvent.REMOVED)
    await asyncio.gather(*bench.tasks)
    assert len(world.kinds(Kind.MEMBERSHIP)) == 1


async def test_a_change_that_waits_for_its_answer_when_the_load_ends_is_recorded(
    world, bench, monkeypatch
):
    """The request may have taken effect."""
    waiting = asyncio.Event()

    async def wait_for_ever(*_):
        waiting.set()
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", wait_for_ever)
    bench.changes.begin(bench.bob, ROOM, RoomEvent.REMOVED)
    await waiting.wait()
    bench.tasks[0].cancel()
    await asyncio.gather(*bench.tasks, return_exceptions=True)
    assert bench.tasks[0].cancelled()
    (record,) = world.kinds(Kind.MEMBERSHIP)
    assert (record.fields["sseq"], record.fields["peer"]) == (RoomEvent.REMOVED, BOB.number)
    assert record.fields["spare"] == ProbeResult.UNKNOWN
