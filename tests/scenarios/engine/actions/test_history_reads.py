"""Members read pages of the history while the load runs, from earlier positions, in small pages."""

import asyncio
import itertools
from types import SimpleNamespace

import msgspec
import pytest

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Channel, Flag, Kind, PageFlag
from gauntlet.scenarios.adapters.base import Entry, Immediate, Page, ProtocolError
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.client.receiver import read_content
from gauntlet.scenarios.engine.actions.history_reads import (
    BEFORE_REMOVAL,
    DELIVERIES_MAX,
    IN_A_ROW,
    MEMBERS_MAX,
    WINDOWS,
    HistoryReads,
)
from gauntlet.scenarios.workloads.entities import Conversation

from ...world import ANN, BOB, ROOM, TALK
from .fake_member import FakeMember


def said(seq, body=""):
    """Return a message by Bob at a position, which is its number, too."""
    text = body or payload.build(TALK.number, BOB.number, seq, 500, 120)
    return Entry(TALK.name, seq, BOB.name, text, id=f"m{seq}")


class FakeSession(FakeMember):
    """A member who has read 40 positions of each conversation."""

    def __init__(self, user, answers):
        super().__init__(user, answers)
        self.reads, self.cursor = True, 40
        self.receiver = SimpleNamespace(
            cursors=lambda: {TALK.name: self.cursor, ROOM.name: self.cursor}
        )

    def history(self, conv, after, limit):
        return Immediate(value=(conv, after, limit, self._answers.pop(0)))


def ticking(world):
    """Return a clock that goes on by a nanosecond whenever it is read."""

    def now_ns():
        world.time_ns += 1
        return world.time_ns

    return now_ns


@pytest.fixture
def bench(world, monkeypatch):
    """The reads of a load with 4 s of ramp and 3 s of arrivals; `pages` are those handed on."""
    answers, asked, tasks, pages = [], [], [], []
    sessions = {user.number: FakeSession(user, answers) for user in (ANN, BOB)}

    async def call_and_wait(_transport, channel, _gateway, call, _timeout_s):
        conv, after, limit, answer = call.value
        asked.append((world.time_ns // NS_PER_MS, channel.connection_number, conv, after, limit))
        world.time_ns += 7 * NS_PER_MS
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            answer = Page([])
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)

    def made(*conversations, capabilities=world.context.adapter.capabilities, rate_per_s=10.0):
        load = SimpleNamespace(ramp=4.0, steady=3.0, rate_per_s=rate_per_s)
        scenario = SimpleNamespace(load=load, seed=2)
        plan = SimpleNamespace(
            load=SimpleNamespace(scenario=scenario),
            adapter=SimpleNamespace(capabilities=capabilities),
            stripe=SimpleNamespace(worker=0),
            traffic=SimpleNamespace(conversations={conv.name: conv for conv in conversations}),
        )
        transport = SimpleNamespace(spawn=lambda job: tasks.append(asyncio.ensure_future(job)))
        return HistoryReads(plan, world.context, transport, sessions, pages.append)

    async def pass_s(seconds):
        for _ in range(round(seconds * 100)):
            world.pass_ms(10)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def begin(reads):
        """Begin as the engine does, for both devices of the first member."""
        ((offset_ns, user, action),) = reads.scheduled_actions()
        assert (offset_ns, user) == (4 * NS_PER_S, ANN.number)
        action(sessions[ANN.number])
        action(sessions[ANN.number])

    return SimpleNamespace(made=made, begin=begin, answers=answers, asked=asked, pages=pages,
                           pass_s=pass_s, sessions=sessions, tasks=tasks)  # fmt: skip


async def test_members_read_windows_of_all_sizes_while_the_load_runs(world, bench):
    bench.answers += [Page([], 40) for _ in range(9)]
    bench.begin(bench.made(TALK))
    await bench.pass_s(9)
    windows = [(max(0, 40 - back), limit) for back, limit in WINDOWS]
    assert [row[3:] for row in bench.asked] == windows[:6]
    times = [row[0] for row in bench.asked]
    assert all(later - earlier > 480 for earlier, later in itertools.pairwise(times))
    assert {row[1] for row in bench.asked} == {11, 12}  # both members


async def test_after_a_removal_another_member_reads_what_lies_before_it(bench):
    bench.answers += [Page([], 40) for _ in range(3)]
    reads = bench.made(ROOM)
    bench.sessions[ANN.number].member = False
    bench.begin(reads)
    await bench.pass_s(0.1)
    reads.on_removed(ROOM, 33)
    reads.on_removed(ROOM, 7)
    reads.on_removed(TALK, 9)  # is not read at all
    await bench.pass_s(1.2)
    assert [row[1:] for row in bench.asked[-2:]] == [
        (12, ROOM.name, 13, BEFORE_REMOVAL),
        (12, ROOM.name, 0, BEFORE_REMOVAL),
    ]


async def test_a_removal_is_not_read_up_to_where_no_member_can_read(bench):
    bench.begin(reads := bench.made(ROOM))
    for session in bench.sessions.values():
        session.connected = False
    reads.on_removed(ROOM, 33)
    await bench.pass_s(1)
    assert all(row[4] != BEFORE_REMOVAL for row in bench.asked)


async def test_several_reads_in_a_row_are_of_one_conversation(bench):
    bench.answers += [Page([], 40) for _ in range(6)]
    other = Conversation(4, "d.u0-0.u0-9", "direct", (1, 2))
    for session in bench.sessions.values():
        session.receiver.cursors = lambda: {TALK.name: 40, other.name: 40}
    bench.begin(bench.made(TALK, other))
    await bench.pass_s(3)
    read = [row[2] for row in bench.asked]
    assert len({*read[:IN_A_ROW]}) == 1


async def test_a_page_is_recorded_with_its_messages_as_copies(world, bench):
    corrupt = said(7, said(7).body + "x")
    added = Entry(TALK.name, 8, event="added", user=BOB.name)
    bench.answers.append(Page([said(6), corrupt, added], 40, more=True))
    bench.begin(bench.made(TALK))
    await bench.pass_s(0.1)
    page, first, second = world.kinds(Kind.PAGE, Kind.RECEIVE)
    requested_ns = bench.asked[0][0] * NS_PER_MS
    link = bench.asked[0][1]
    known = {"conv": TALK.number, "link": link}
    assert (page.kind, first.kind, second.kind) == (Kind.PAGE, Kind.RECEIVE, Kind.RECEIVE)
    assert page.t_ns == first.t_ns == second.t_ns == requested_ns + 7 * NS_PER_MS
    assert page.fields == known | {
        "ref_ns": requested_ns, "peer": 3, "seq": 36, "sseq": 8,
        "spare": PageFlag.LISTED | PageFlag.EARLIER,
    }  # fmt: skip
    message = known | {"ref_ns": 500, "peer": BOB.number, "flags": Channel.HISTORY | Flag.DUPLICATE}
    assert first.fields == message | {"sseq": 6, "seq": 6}
    flags = message["flags"] | Flag.CRC_BAD
    assert second.fields == message | {"sseq": 7, "seq": 7, "flags": flags}
    (handed_on,) = bench.pages
    assert [entry for entry, _ in handed_on.messages] == [said(6), corrupt]


async def test_what_a_page_names_is_recorded_at_the_time_of_the_page(world, bench, monkeypatch):
    """Records are in the order of time, and those of a listed page have its time."""
    monkeypatch.setattr(world.context, "now_ns", ticking(world))
    first = msgspec.structs.replace(said(6), client_msg_id="g1.s.1", id="m6")
    other = msgspec.structs.replace(first, client_msg_id="g1.s.2", id="m7", stamped_ms=902)
    read_content(world.context, TALK, msgspec.structs.replace(first, stamped_ms=900))
    bench.answers.append(Page([other, said(7)], 40, more=True))
    bench.begin(bench.made(TALK))
    await bench.pass_s(0.1)
    kinds = [Kind.PAGE, Kind.RECEIVE, Kind.NAMED, Kind.STAMP, Kind.RECEIVE, Kind.NAMED]
    assert [record.kind for record in world.records] == kinds
    assert len({record.t_ns for record in world.records}) == 1
    (page,) = world.kinds(Kind.PAGE)
    assert page.fields["spare"] & PageFlag.LISTED


async def test_a_refusal_leaves_no_record_and_the_next_read_follows(world, bench):
    bench.answers += [ProtocolError("503"), ValueError("what is that?"), Page([], 40)]
    bench.begin(bench.made(TALK))
    await bench.pass_s(1.2)
    assert [record.kind for record in world.records] == [Kind.PAGE]
    assert sum(len(session.errors) for session in bench.sessions.values()) == 1


async def test_only_one_read_is_under_way(bench):
    answer = asyncio.Event()
    bench.answers += [answer, Page([], 40)]
    bench.begin(bench.made(TALK))
    await bench.pass_s(2)
    assert len(bench.asked) == 1
    answer.set()
    await bench.pass_s(0.6)
    assert len(bench.asked) == 2


@pytest.mark.parametrize("state", ["connected", "reads", "member", "cursor"])
async def test_who_is_away_or_has_read_nothing_reads_no_history(bench, state):
    for session in bench.sessions.values():
        setattr(session, state, 0)
    bench.begin(bench.made(ROOM))
    await bench.pass_s(1)
    assert bench.asked == []


def test_large_rooms_are_not_read(bench):
    large = Conversation(3, "r.large", "group", tuple(range(1, MEMBERS_MAX + 2)))
    assert list(bench.made(large).scheduled_actions()) == []
    assert len(list(bench.made(large, TALK).scheduled_actions())) == 1


@pytest.mark.parametrize(("more", "count"), [(0, 1), (1, 0)])
def test_conversations_with_very_many_deliveries_are_not_read(bench, more, count):
    """Two conversations share 3 s of arrivals, and one of them has two members."""
    rate_per_s = 2 * (DELIVERIES_MAX / 2 + more) / 3
    large = Conversation(3, "r.large", "group", tuple(range(1, MEMBERS_MAX + 2)))
    reads = bench.made(TALK, large, rate_per_s=rate_per_s)
    assert len(list(reads.scheduled_actions())) == count


def test_without_positions_or_a_history_nothing_is_read(bench, world):
    both = world.context.adapter.capabilities
    for missing in ("server_seq", "history"):
        assert list(bench.made(TALK, capabilities=both - {missing}).scheduled_actions()) == []
