"""The audit of a system without positions: the archives of all members, as one."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.history import Channel, Flag, Kind, NamedFlag, PageFlag, StampFlag, id_digest
from gauntlet.scenarios.adapters.base import Account, Entry, Page, ProtocolError
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.adapters.xmpp import Xmpp
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.client.receiver import read_content
from gauntlet.scenarios.engine import audit
from gauntlet.scenarios.engine.audit import Audit
from gauntlet.scenarios.workloads.entities import Op

from ..world import ROOM, TALK, World


def said(sseq, ident, body=""):
    """Return a message by Bob as an entry of an archive."""
    text = body or payload.build(TALK.number, 2, sseq, 500, 120)
    return Entry(TALK.name, 0, "u0-1", text, id=ident)


@pytest.fixture
def audited(monkeypatch):
    """Audits a talk whose members have these archives, in pages of two; the world after it."""

    async def call_and_wait(_transport, _access, _gateway, page, _within_s):
        return page

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)

    async def go(*archives, older_accounts=False, acked=()):
        world = World(Xmpp({}))
        world.context.older_accounts = older_accounts
        for sseq in acked:
            world.ledger.ack(Op(0, TALK, 2, sseq))

        def session(entries):
            def history(_conv, after, _limit):
                start = next((at + 1 for at, one in enumerate(entries) if one.id == after), 0)
                return Page(entries[start : start + 2], more=len(entries) > start + 2)

            codec = SimpleNamespace(history=history)
            return SimpleNamespace(request_channel=SimpleNamespace(codec=codec))

        sessions = {user: session(one) for user, one in zip((1, 2), archives, strict=True)}
        await Audit(world.context, None, sessions, None).run([TALK])
        return world

    return go


def found(world):
    """The numbers of the messages that the audit recorded."""
    return [record.fields["sseq"] for record in world.kinds(Kind.AUDIT)]


async def test_stored_is_what_any_archive_holds(audited):
    """Each has its own ids and may lack some; every page is read."""
    world = await audited(
        [said(1, "a"), said(2, "b"), said(3, "c")], [said(2, "x"), said(3, "y"), said(4, "z")]
    )
    assert found(world) == [1, 2, 3, 4]
    assert len(world.kinds(Kind.HEAD)) == 1
    assert all(record.fields["seq"] == 0 for record in world.kinds(Kind.AUDIT))


async def test_a_message_stored_twice_is_recorded_twice(audited):
    """Once in each archive is one message; twice in one of them is a duplicate."""
    world = await audited([said(1, "a"), said(1, "b")], [said(1, "x")])
    assert found(world) == [1, 1]


async def test_a_message_that_the_load_did_not_send_is_recorded_as_foreign(audited):
    """A phantom in an archive is evidence; it matches no op."""
    world = await audited([said(1, "a", body="hello")], [])
    (record,) = world.kinds(Kind.AUDIT)
    assert record.fields["flags"] & Flag.FOREIGN


async def test_a_message_of_an_earlier_run_does_not_stand_for_a_lost_one(audited):
    """It has the numbers of a message of this run, which is stored once, and another one's."""
    old = [
        said(sseq, f"old-{sseq}", payload.build(TALK.number, 2, sseq, 400, 120, "0ld0ld00"))
        for sseq in (1, 2)
    ]
    world = await audited([*old, said(1, "a")], [], older_accounts=True, acked=(1, 2))
    flags = sorted((record.fields["sseq"], record.fields["flags"]) for record in world.records[:3])
    left = Channel.AUDIT | Flag.LEFTOVER
    assert flags == [(1, Channel.AUDIT), (1, left), (2, left)]
    assert world.ledger.lost == 1


async def test_where_nobody_answers_the_rest_is_not_waited_for(monkeypatch):
    """A target that is down at the end costs the evidence a moment, not one wait for each talk."""
    asked = []

    async def call_and_wait(*_):
        asked.append(1)
        await asyncio.sleep(0.03)
        raise ProtocolError

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    monkeypatch.setattr(audit, "_SILENCE_S", 0.05)
    world = World()
    access = SimpleNamespace(codec=Reference({}).codec(Account(name="u0-0"), "d0"))
    audited = Audit(world.context, None, {1: SimpleNamespace(request_channel=access)}, None)
    await audited.run([TALK] * 400)
    assert audited.unread == 400
    assert len(asked) < 50


async def test_an_exception_of_the_adapter_costs_one_conversation(monkeypatch):
    """What it cannot read is unread, and the other conversations are evidence."""
    error = KeyError("entries")
    pages = {TALK.name: error, ROOM.name: Page([], 0)}

    async def call_and_wait(_transport, _access, _gateway, answer, _within_s):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    world, errors = World(), []
    codec = SimpleNamespace(
        history=lambda conv, _after, _limit: pages[conv], members=lambda _conv: {"u0-0": 1}
    )
    channel = SimpleNamespace(codec=codec, record_error=errors.append)
    audited = Audit(world.context, None, {1: SimpleNamespace(request_channel=channel)}, None)
    await audited.run([TALK, ROOM])
    assert (audited.unread, errors) == (1, [error])
    assert [record.fields["conv"] for record in world.kinds(Kind.HEAD)] == [ROOM.number]


@pytest.mark.parametrize("members", [["u0-0"], {"u0-0": "1"}, {"u0-0": -1}, {1: 1}, 5])
async def test_members_that_have_no_positions_leave_the_room_unread(members, monkeypatch):
    async def call_and_wait(_transport, _access, _gateway, answer, _within_s):
        return answer

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    world = World()
    codec = SimpleNamespace(history=lambda *_: Page([], 0), members=lambda _conv: members)
    channel = SimpleNamespace(codec=codec)
    audited = Audit(world.context, None, {1: SimpleNamespace(request_channel=channel)}, None)
    await audited.run([ROOM])
    assert audited.unread == 1
    assert world.records == []


async def test_an_audit_that_is_answered_goes_on(monkeypatch):
    """However long it takes; and it says that it is not silent."""
    rows = []
    now_s = 0.0

    async def call_and_wait(*_):
        nonlocal now_s
        await asyncio.sleep(0)
        now_s += 0.03
        return Page([], 0)

    # The time is what the answers take, however busy the machine is.
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now_s)
    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    monkeypatch.setattr(audit, "_SILENCE_S", 0.05)
    monkeypatch.setattr(audit, "_PROGRESS_S", 0.05)
    world = World()
    access = SimpleNamespace(codec=Reference({}).codec(Account(name="u0-0"), "d0"))
    journal = SimpleNamespace(write=lambda kind, **fields: rows.append((kind, fields)))
    audited = Audit(world.context, None, {1: SimpleNamespace(request_channel=access)}, journal)
    await audited.run([TALK] * 80)
    assert audited.unread == 0
    assert len(world.kinds(Kind.HEAD)) == 80
    assert [kind for kind, _ in rows] == ["audit"] * len(rows)
    assert rows[-1][1]["pages"] > rows[0][1]["pages"] > 0
    assert 0 < rows[0][1]["conversations"] < rows[-1][1]["conversations"] <= 80
    assert {fields["of"] for _, fields in rows} == {80}


@pytest.fixture
def numbered(monkeypatch):
    """Audits a numbered talk whose server answers (after, limit) by a function; the world."""

    async def call_and_wait(_transport, _access, _gateway, page, _within_s):
        if isinstance(page, ProtocolError):
            raise page
        return page

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)

    def session(answer):
        codec = SimpleNamespace(history=lambda _conv, after, limit: answer(after, limit))
        return SimpleNamespace(request_channel=SimpleNamespace(codec=codec))

    async def go(answer, answer_to_second=None):
        world = World()
        sessions = {1: session(answer), 2: session(answer_to_second or answer)}
        await Audit(world.context, None, sessions, None).run([TALK])
        return world

    return go


def entry_at(position):
    """Return a message by Bob at a position."""
    return Entry(TALK.name, position, "u0-1", payload.build(TALK.number, 2, position, 500, 120))


async def test_short_pages_of_a_numbered_history_are_read_on(numbered):
    """A system may give less than it was asked for, if it says that there is more."""
    world = await numbered(
        lambda after, _limit: Page([entry_at(after + 1)], 700, more=after + 1 < 700)
    )
    assert found(world) == list(range(1, 701))


async def test_a_page_that_stops_before_its_head_is_read_on(numbered):
    """A server that returns short pages loses nothing, so nothing may look lost."""
    stored = [entry_at(position) for position in range(1, 8)]
    world = await numbered(lambda after, _limit: Page(stored[after : after + 3], head=7))
    assert [r.fields["seq"] for r in world.kinds(Kind.AUDIT)] == [1, 2, 3, 4, 5, 6, 7]
    pages = [(r.fields["seq"], r.fields["peer"], r.fields["spare"]) for r in world.kinds(Kind.PAGE)]
    assert pages == [(0, 3, PageFlag.LAST), (3, 3, PageFlag.LAST), (6, 1, PageFlag.LAST)]


async def test_a_head_that_nothing_reaches_ends_the_audit(numbered):
    """A server may claim any head; a page that brings nothing new ends the reading."""
    stored = [entry_at(position) for position in (1, 2)]
    asked = []

    def answer(after, _limit):
        asked.append(after)
        return Page(stored[after:], head=3)

    world = await numbered(answer)
    assert asked[:2] == [0, 2]
    assert len(asked) < 10
    assert [record.fields["seq"] for record in world.kinds(Kind.AUDIT)] == [1, 2]
    assert [record.fields["seq"] for record in world.kinds(Kind.HEAD)] == [3]


async def test_a_message_that_is_hidden_from_one_member_is_stored(numbered):
    """It is missing from the recorded pages, which are those of the first member."""
    stored = [entry_at(position) for position in (1, 2, 3)]
    world = await numbered(
        lambda after, _limit: Page([e for e in stored[after:] if e.seq != 2], head=3),
        lambda after, _limit: Page(stored[after:], head=3),
    )
    assert found(world) == [1, 2, 3]
    assert {record.fields["peer"] for record in world.kinds(Kind.PAGE)} <= {1, 2}


async def test_other_members_are_asked_only_for_missing_positions(numbered):
    """Otherwise an audit would read everything twice."""
    stored = [entry_at(position) for position in (1, 2, 3)]
    asked = []
    await numbered(
        lambda after, _limit: Page(stored[after:], head=3),
        lambda after, _limit: asked.append(after) or Page(stored[after:], head=3),
    )
    assert asked == []


async def test_a_member_who_may_not_read_any_more_does_not_end_the_audit(numbered):
    """What the first member was shown is recorded."""
    stored = [entry_at(position) for position in (1, 3)]
    world = await numbered(
        lambda after, _limit: Page([e for e in stored if e.seq > after], head=3),
        lambda _after, _limit: ProtocolError("403: not a member"),
    )
    assert found(world) == [1, 3]
    assert [record.fields["seq"] for record in world.kinds(Kind.HEAD)] == [3]


async def test_the_range_of_a_removed_user_ends_with_their_removal(numbered):
    entries = [
        Entry(TALK.name, position, event=event, user="u0-1")
        for position, event in enumerate(("added", "removed", "added", "entered"), 1)
    ]
    world = await numbered(lambda after, _limit: Page(entries[after:], head=4))
    ranges = [record.fields for record in world.kinds(Kind.RANGE) if record.fields.get("sseq")]
    assert [(row["peer"], row["seq"], row["sseq"]) for row in ranges] == [(2, 1, 2)]


async def test_ids_and_time_stamps_of_stored_messages_are_recorded_where_there_are_positions(
    monkeypatch,
):
    """Not those of room events, and not those of bodies that the load did not send."""
    body = payload.build(TALK.number, 2, 1, 500, 120)
    entries = [
        Entry(TALK.name, 1, "u0-1", body, "g1.s.1", id="srv-1", stamped_ms=3),
        Entry(TALK.name, 2, "u0-1", "foreign", id="srv-2"),
        Entry(TALK.name, 3, event="added", user="u0-1", id="srv-3"),
        Entry(TALK.name, 4, "u0-1", payload.build(TALK.number, 2, 2, 500, 120)),
    ]

    async def call_and_wait(_transport, _access, _gateway, page, _within_s):
        return page

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    world = World()
    codec = SimpleNamespace(history=lambda *_: Page(entries, head=4))
    access = SimpleNamespace(request_channel=SimpleNamespace(codec=codec))
    await Audit(world.context, None, {1: access, 2: access}, None).run([TALK])
    (named,) = world.kinds(Kind.NAMED)
    assert (named.fields["seq"], named.fields["sseq"], named.fields["ref_ns"]) == (
        1, 1, id_digest("srv-1")
    )  # fmt: skip
    assert named.fields["flags"] == Channel.AUDIT
    (stamp,) = world.kinds(Kind.STAMP)
    assert stamp.fields["ref_ns"] == world.context.server_times.local_ns(3)
    assert (stamp.fields["seq"], stamp.fields["sseq"], stamp.fields["flags"]) == (
        1, 1, Channel.AUDIT
    )  # fmt: skip


async def test_what_is_stored_with_other_names_than_were_received_is_marked(monkeypatch):
    body = payload.build(TALK.number, 2, 1, 500, 120)
    stored = Entry(TALK.name, 1, "u0-1", body, "g1.s.9", id="srv-1", stamped_ms=3)

    async def call_and_wait(_transport, _access, _gateway, page, _within_s):
        return page

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    world = World()
    received = Entry(TALK.name, 1, "u0-1", body, "g1.s.1", id="srv-1", stamped_ms=4)
    read_content(world.context, TALK, received)
    codec = SimpleNamespace(history=lambda *_: Page([stored], head=1))
    access = SimpleNamespace(request_channel=SimpleNamespace(codec=codec))
    await Audit(world.context, None, {1: access, 2: access}, None).run([TALK])
    (named,), (stamp,) = world.kinds(Kind.NAMED), world.kinds(Kind.STAMP)
    assert named.fields["spare"] == NamedFlag.OTHER_MESSAGE
    assert stamp.fields["spare"] == StampFlag.DIFFERS
