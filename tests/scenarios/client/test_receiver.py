"""What a user receives, and the history records of it."""

import msgspec
import pytest

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import (
    MISSING_MAX,
    STAMP_AGE_ZERO,
    Channel,
    Flag,
    Kind,
    NamedFlag,
    PageFlag,
    Probe,
    ProbeResult,
    RoomEvent,
    StampFlag,
    id_digest,
)
from gauntlet.scenarios.adapters.base import Connected, Entry, Gap
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.receiver import Receiver, read_content
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.metrics.server_times import ServerTimes
from gauntlet.scenarios.workloads.entities import Conversation

from ..world import ANN, BOB, ROOM, TALK


@pytest.fixture
def receiver(world):
    """Ann's receiver, with an open connection."""
    request_channel = RequestChannel(world.context, ANN, 0)
    request_channel.connection = open_connection()
    return Receiver(world.context, ANN, request_channel)


def open_connection():
    """Return an open connection."""
    return Connection(None, "", 0, number=9)


def message_of_bob(seq, sseq=1, conv=TALK):
    """Return a message of Bob."""
    return Entry(conv.name, seq, BOB.name, payload.build(conv.number, 2, sseq, 500, 120))


def test_a_push_is_recorded_as_a_delivery(world, receiver):
    receiver.on_entry(open_connection(), message_of_bob(1))
    (record,) = world.records
    assert record.kind == Kind.DELIVER
    assert record.fields == {
        "ref_ns": 500, "conv": 1, "link": 9, "peer": 2, "sseq": 1, "seq": 1,
        "flags": Channel.LIVE, "spare": 0,
    }  # fmt: skip
    assert world.ledger.used(TALK.number)


def test_the_age_of_a_time_stamp_is_recorded_with_the_delivery(world, receiver):
    now_ms = 10_000
    world.time_ns = now_ms * NS_PER_MS
    world.context.server_times = ServerTimes(lambda: world.time_ns, lambda: world.time_ns)
    entry = msgspec.structs.replace(message_of_bob(1), stamped_ms=now_ms - 50)
    receiver.on_entry(open_connection(), entry)
    (record,) = world.records
    assert record.fields["spare"] == STAMP_AGE_ZERO + 5


def test_a_room_event_is_recorded_and_nothing_is_read_before_the_own_addition(world, receiver):
    receiver.on_entry(open_connection(), Entry(ROOM.name, 4, event="added", user=ANN.name))
    (record,) = world.records
    assert record.kind == Kind.ROOM
    assert (record.fields["sseq"], record.fields["peer"]) == (RoomEvent.ADDED, 1)
    assert world.asked == []
    assert receiver.cursors() == {ROOM.name: 4}


def test_what_was_requested_explicitly_is_shown_as_history(world, receiver):
    receiver.on_entry(open_connection(), message_of_bob(1))
    receiver.show_history(TALK, [message_of_bob(2, sseq=2)])
    assert [record.fields["flags"] for record in world.records] == [Channel.LIVE, Channel.HISTORY]
    receiver.show_history(ROOM, [message_of_bob(1, conv=ROOM)])  # of a room without an inbox
    assert len(world.records) == 2


def test_an_announced_gap_is_recorded_and_read_from_the_history(world, receiver):
    receiver.on_gap(open_connection(), Gap(TALK.name, 1, 2))
    (gap,) = world.kinds(Kind.GAP)
    assert (gap.fields["seq"], gap.fields["sseq"]) == (1, 2)
    bodies = [
        {"body": message_of_bob(n, n).body, "sender": BOB.name, "type": "msg"} for n in (1, 2)
    ]
    entries = [{"seq": seq, **body} for seq, body in enumerate(bodies, 1)]
    world.take().answer(200, {"messages": entries, "head": 2})
    assert [r.fields["flags"] for r in world.kinds(Kind.DELIVER)] == [Channel.RESYNC] * 2
    (page,) = world.kinds(Kind.PAGE)
    assert {k: page.fields[k] for k in ("peer", "sseq", "seq")} == {"peer": 2, "sseq": 2, "seq": 0}


def test_what_was_announced_and_never_found_is_recorded_at_the_end(world, receiver):
    receiver.on_entry(open_connection(), message_of_bob(1))
    receiver.on_heads({TALK.name: 3}, fresh=False)
    receiver.record_unfound()
    (gap,) = world.kinds(Kind.GAP)
    known = {"conv": TALK.number, "seq": 2, "sseq": 3, "flags": Channel.HISTORY}
    assert gap.fields == known | {"link": gap.fields["link"]}


def test_nothing_is_recorded_at_the_end_where_all_was_found(world, receiver):
    receiver.on_entry(open_connection(), message_of_bob(1))
    receiver.on_heads({TALK.name: 1}, fresh=False)
    receiver.record_unfound()
    assert world.kinds(Kind.GAP) == []


@pytest.mark.parametrize(
    ("positions", "flags"),
    [((1, 2), PageFlag.LAST), ((2, 1), PageFlag.LAST | PageFlag.DISORDERED), ((), PageFlag.LAST)],
)
def test_a_page_is_recorded_as_it_came(world, receiver, positions, flags):
    receiver.on_gap(open_connection(), Gap(TALK.name, 1, 2))
    messages = [
        {"seq": n, "body": message_of_bob(n, n).body, "sender": BOB.name, "type": "msg"}
        for n in positions
    ]
    world.take().answer(200, {"messages": messages, "head": 2})
    (page,) = world.kinds(Kind.PAGE)
    assert page.fields["spare"] == flags


@pytest.mark.parametrize(
    ("positions", "flags"), [((3, 4), 0), ((2, 3), PageFlag.EARLIER), ((0, 3), 0)]
)
def test_a_page_that_begins_before_the_requested_position_is_recorded_as_such(
    world, receiver, positions, flags
):
    for n in (1, 2):
        receiver.on_entry(open_connection(), message_of_bob(n, n))
    receiver.on_gap(open_connection(), Gap(TALK.name, 3, 4))
    messages = [
        {"seq": n, "body": message_of_bob(n, n).body, "sender": BOB.name, "type": "msg"}
        for n in positions
    ]
    world.take().answer(200, {"messages": messages, "head": 4})
    (page,) = world.kinds(Kind.PAGE)
    assert (page.fields["seq"], page.fields["spare"]) == (2, PageFlag.LAST | flags)


def test_a_full_page_is_not_recorded_as_the_last(world, receiver, monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.client.receiver.PAGE_LIMIT", 2)
    receiver.on_gap(open_connection(), Gap(TALK.name, 1, 3))
    messages = [
        {"seq": n, "body": message_of_bob(n, n).body, "sender": BOB.name, "type": "msg"}
        for n in (1, 2)
    ]
    world.take().answer(200, {"messages": messages, "head": 3})
    (page,) = world.kinds(Kind.PAGE)
    assert (page.fields["spare"], page.fields["sseq"]) == (0, 2)


def test_a_failed_history_read_is_repeated_at_another_gateway(world, receiver):
    receiver.on_heads({TALK.name: 1}, fresh=True)
    world.take().fail()
    world.pass_ms(600)
    assert world.take().gateway == 1


def test_the_heads_of_a_conversation_outside_the_load_are_ignored(world, receiver):
    receiver.on_heads({"d.canary-1.canary-2": 7}, fresh=True)
    assert (world.records, world.asked) == ([], [])


def test_a_repeated_push_is_recorded_as_received_and_not_as_delivered(world, receiver):
    for _ in range(2):
        receiver.on_entry(open_connection(), message_of_bob(1))
    assert [r.kind for r in world.records] == [Kind.DELIVER, Kind.RECEIVE]
    assert world.records[1].fields["flags"] == Flag.DUPLICATE
    assert world.context.counters.raw_duplicates == 1


def test_a_push_that_is_held_back_is_recorded_when_it_arrives(world, receiver):
    connection = open_connection()
    receiver.on_entry(connection, message_of_bob(3, sseq=2))
    (arrived,) = world.records
    assert arrived.kind == Kind.ARRIVED
    assert arrived.fields == {
        "ref_ns": 500, "conv": 1, "link": 9, "peer": 2, "sseq": 2, "seq": 3, "flags": 0, "spare": 2,
    }  # fmt: skip
    arrived_ns = world.time_ns
    world.pass_ms(50)
    for seq in (1, 2):
        receiver.on_entry(open_connection(), message_of_bob(seq, sseq=seq + 10))
    assert [record.kind for record in world.records[1:]] == [Kind.DELIVER] * 3
    assert world.records[-1].t_ns == arrived_ns + 50 * NS_PER_MS == arrived.t_ns + 50 * NS_PER_MS


def test_an_event_that_is_held_back_is_recorded_as_one(world, receiver):
    receiver.on_entry(open_connection(), Entry(TALK.name, 3, event="entered", user=BOB.name))
    (arrived,) = world.records
    assert (arrived.kind, arrived.fields["flags"]) == (Kind.ARRIVED, Flag.ROOM_EVENT)
    assert (arrived.fields["peer"], arrived.fields["sseq"]) == (2, RoomEvent.ENTERED)


def test_an_own_message_is_not_recorded_where_the_server_echoes_none(world, receiver):
    receiver._echoed = False
    own = payload.build(TALK.number, 1, 1, 500, 120)
    receiver.on_entry(open_connection(), Entry(TALK.name, 3, ANN.name, own))
    assert world.records == []


def test_a_push_that_is_not_kept_is_recorded_and_counted_as_an_error(world, receiver, monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.client.ordered_inbox.HELD_MAX", 1)
    connection = open_connection()
    for seq in (100_000, 100_001):
        receiver.on_entry(connection, message_of_bob(seq, seq))
    assert [record.fields["spare"] for record in world.kinds(Kind.ARRIVED)] == [MISSING_MAX] * 2
    (error,) = world.errors.counts()
    assert (error.kind, error.count) == ("inbox", 1)
    assert error.text.startswith(TALK.name)


def test_one_ack_per_interval_confirms_the_last_position(world, receiver):
    for seq in (1, 2, 3):
        receiver.on_entry(open_connection(), message_of_bob(seq, seq))
    world.pass_ms(600)
    assert [frame for _, frame in world.frames] == [{"ack": {"conv": TALK.name, "seq": 3}}]


def test_acks_of_several_users_are_due_together(world, receiver):
    other = RequestChannel(world.context, BOB, 0)
    other.connection = open_connection()
    world.pass_ms(1)
    receiver.on_entry(open_connection(), message_of_bob(1))
    world.pass_ms(9)
    Receiver(world.context, BOB, other).on_entry(open_connection(), message_of_bob(1))
    due_ns = world.timers.next_ns
    world.timers.run_due(due_ns)
    assert len(world.frames) == 2
    assert world.timers.next_ns is None


@pytest.mark.parametrize(
    ("body", "sender", "flags"),
    [
        (payload.build(1, 2, 3, 4, 120), BOB.name, 0),
        (payload.build(1, 2, 3, 4, 120)[:-1] + "!", BOB.name, Flag.CRC_BAD),
        (payload.build(1, 2, 3, 4, 120), ANN.name, Flag.FOREIGN),
        (payload.build(9, 2, 3, 4, 120), BOB.name, Flag.FOREIGN),
        ("hello", BOB.name, Flag.FOREIGN),
    ],
)
def test_a_body_that_contradicts_its_frame_is_flagged(world, body, sender, flags):
    assert read_content(world.context, TALK, Entry(TALK.name, 1, sender, body)).flags == flags


def left_behind(seq=1, run="0ld0ld00"):
    """Return a message of Bob that another run has sent, with the numbers of one of this run."""
    return Entry(TALK.name, seq, BOB.name, payload.build(1, 2, 1, 500, 120, run), id=f"old-{seq}")


@pytest.mark.parametrize("run", ["0ld0ld00", ""])
def test_a_pushed_message_of_another_run_is_a_leftover_and_no_delivery(world, receiver, run):
    world.context.older_accounts, world.context.bodies.run = True, "ab12cd34"
    latencies: list[int] = []
    receiver._record_delivery = latencies.append
    for _ in range(2):
        receiver.on_entry(open_connection(), left_behind(run=run))
    kinds = [(record.kind, record.fields["flags"]) for record in world.records]
    assert kinds == [
        (Kind.DELIVER, Flag.LEFTOVER),
        (Kind.RECEIVE, Flag.LEFTOVER | Flag.DUPLICATE),
    ]
    assert not world.ledger.used(TALK.number)
    assert world.context.counters.raw_duplicates == 0
    assert latencies == []


def test_a_leftover_in_the_history_takes_its_position(world, receiver):
    world.context.older_accounts, world.context.bodies.run = True, "ab12cd34"
    own = payload.build(1, 2, 1, 500, 120, "ab12cd34")
    receiver.on_heads({TALK.name: 2}, fresh=True)
    messages = [
        {"seq": 1, "sender": BOB.name, "type": "msg", "body": left_behind().body},
        {"seq": 2, "sender": BOB.name, "type": "msg", "body": own},
    ]
    world.take().answer(200, {"messages": messages, "head": 2})
    flags = [record.fields["flags"] for record in world.kinds(Kind.DELIVER)]
    assert flags == [Channel.RESYNC | Flag.LEFTOVER, Channel.RESYNC]
    assert receiver.cursors() == {TALK.name: 2}
    assert not receiver.behind
    assert world.context.counters.holes == 0


def test_a_message_of_another_run_is_foreign_where_all_accounts_are_new(world):
    """A system that was started for the run cannot hold it."""
    world.context.bodies.run = ""
    assert read_content(world.context, TALK, left_behind()).flags == Flag.FOREIGN


def test_a_damaged_tag_is_damage_and_no_leftover(world):
    """A server must not be able to hide a message of this run among those of earlier ones."""
    world.context.older_accounts, world.context.bodies.run = True, "ab12cd34"
    body = payload.build(1, 2, 1, 500, 120, "ab12cd34").replace("ab12cd34", "ab12cd35")
    content = read_content(world.context, TALK, Entry(TALK.name, 1, BOB.name, body))
    assert content.flags == Flag.FOREIGN | Flag.CRC_BAD


def test_an_empty_ack_is_not_sent(world, receiver, monkeypatch):
    monkeypatch.setattr(type(receiver._request_channel.codec), "ack", lambda *_: b"")
    receiver.on_entry(open_connection(), message_of_bob(1))
    world.pass_ms(600)
    assert world.frames == []


def test_a_push_to_a_user_who_is_no_member_is_recorded_on_arrival(world, receiver):
    world.context.conversations["d.x"] = Conversation(7, "d.x", "direct", (2, 3))
    entry = message_of_bob(5, sseq=4, conv=world.context.conversations["d.x"])
    receiver.on_entry(open_connection(), entry)
    (record,) = world.records
    assert record.kind == Kind.STRAY
    assert record.fields == {
        "ref_ns": 500, "conv": 7, "link": 9, "peer": 2, "sseq": 4, "seq": 5, "flags": 0,
    }  # fmt: skip
    assert receiver.cursors() == {}
    assert not receiver.behind


@pytest.mark.parametrize("numbered", [True, False])
def test_a_push_of_an_unknown_conversation_is_recorded_on_arrival(world, receiver, numbered):
    receiver._numbered = numbered
    body = message_of_bob(1).body
    receiver.on_entry(open_connection(), Entry("d.unknown", 5, BOB.name, body, id="a"))
    receiver.on_entry(
        open_connection(), Entry("r.unknown", 6, event="added", user=BOB.name, id="b")
    )
    pushed, event = world.records
    assert pushed.kind == event.kind == Kind.STRAY
    assert (pushed.fields["conv"], pushed.fields["flags"]) == (TALK.number, Flag.FOREIGN)
    assert (event.fields["conv"], event.fields["peer"]) == (0, BOB.number)


def test_conversations_of_older_accounts_are_not_the_concern_of_this_run(world, receiver):
    world.context.older_accounts, world.context.bodies.run = True, "ab12cd34"
    other = payload.build(TALK.number, 2, 1, 500, 120, "00000000")
    for body in (other, "hello", message_of_bob(1).body):
        receiver.on_entry(open_connection(), Entry("d.unknown", 5, BOB.name, body))
    assert world.records == []
    own = payload.build(TALK.number, 2, 1, 500, 120, "ab12cd34")
    receiver.on_entry(open_connection(), Entry("d.unknown", 5, BOB.name, own))
    assert [record.kind for record in world.records] == [Kind.STRAY]


def test_the_head_of_a_conversation_of_others_is_recorded_once(world, receiver):
    world.context.conversations["d.x"] = Conversation(7, "d.x", "direct", (2, 3))
    for head in (4, 5):
        receiver.on_heads({"d.x": head}, fresh=False)
    (record,) = world.records
    assert record.kind == Kind.PROBE
    assert (record.fields["sseq"], record.fields["seq"]) == (Probe.HEAD, 4)
    assert record.fields["spare"] == ProbeResult.GRANTED


@pytest.mark.parametrize(("resumed", "kinds"), [(False, [Kind.START]), (True, [])])
def test_the_position_behind_which_pushes_begin_is_recorded(world, receiver, resumed, kinds):
    """The server pushes what a resumed session has missed, wherever that begins."""
    connection = open_connection()
    connection.dialled_ns = 40
    connected = Connected("edge", "blue", heads={TALK.name: 4, "d.x": 5}, resumed=resumed)
    receiver.on_connected(connection, connected, returned=False)
    started = [record for record in world.records if record.kind is not Kind.PROBE]
    assert [record.kind for record in started] == kinds
    for record in started:
        known = {"ref_ns": 40, "conv": TALK.number, "link": 9, "seq": 4}
        assert record.fields.items() >= known.items()


@pytest.mark.parametrize(
    ("heads", "stated"),
    [
        ({ROOM.name: 1}, {ROOM.number: 1, TALK.number: 0}),
        ({TALK.name: 2}, {TALK.number: 2}),
        ({}, {TALK.number: 0}),
    ],
)
def test_a_direct_conversation_that_the_server_does_not_name_has_no_positions_for_it(
    world, receiver, heads, stated
):
    """A room may be missing, because the user was removed from it."""
    first, second = open_connection(), open_connection()
    receiver.on_connected(first, Connected("edge", "blue", heads={ROOM.name: 1}), returned=False)
    assert len(world.kinds(Kind.START)) == 1  # nothing of the other conversation is known yet
    receiver.on_entry(first, message_of_bob(1, 1))
    world.records.clear()
    receiver.on_connected(second, Connected("edge", "blue", heads=heads), returned=True)
    found = {each.fields["conv"]: each.fields["seq"] for each in world.kinds(Kind.START)}
    assert found == stated


def test_a_server_that_names_no_positions_at_connect_states_none(world, receiver):
    receiver.on_entry(open_connection(), message_of_bob(1, 1))
    receiver.on_connected(open_connection(), Connected("edge", "blue"), returned=True)
    assert world.kinds(Kind.START) == []


def test_what_was_not_named_is_recorded_when_the_server_first_names_a_position(world, receiver):
    receiver.on_entry(open_connection(), message_of_bob(1, 1))
    connection = open_connection()
    connection.dialled_ns = 40
    receiver.on_connected(connection, Connected("edge", "blue"), returned=True)
    for _ in range(2):
        heads = {ROOM.name: 1, TALK.name: 1}
        receiver.on_connected(
            open_connection(), Connected("edge", "blue", heads=heads), returned=True
        )
    found = [
        (each.fields["conv"], each.fields["seq"], each.fields["ref_ns"] == 40)
        for each in world.kinds(Kind.START)
    ]
    both = [(ROOM.number, 1, False), (TALK.number, 1, False)]
    assert found == [*both, (TALK.number, 0, True), *both]


def added(seq):
    """Return the event that adds Ann to the room."""
    return Entry(ROOM.name, seq, event="added", user=ANN.name)


def test_a_user_who_is_added_again_continues_there(world, receiver):
    connection = open_connection()
    receiver.on_entry(connection, added(4))
    receiver.expel(ROOM)
    receiver.on_entry(connection, added(9))
    assert receiver.cursors() == {ROOM.name: 9}
    receiver.on_entry(connection, added(4))  # a copy
    assert receiver.cursors() == {ROOM.name: 9}
    assert world.asked == []


def test_what_is_pushed_to_a_removed_user_is_recorded(world, receiver):
    connection = open_connection()
    receiver.on_entry(connection, added(4))
    receiver.expel(ROOM)
    receiver.on_entry(connection, message_of_bob(7, conv=ROOM))
    world.pass_ms(200)
    assert [record.fields["seq"] for record in world.kinds(Kind.DELIVER)] == [7]
    assert world.asked == []
    assert not receiver.behind


def test_joining_again_reads_what_was_not_pushed(world, receiver):
    receiver.on_entry(open_connection(), added(4))
    receiver.expel(ROOM)
    receiver.join(ROOM, 9)
    world.pass_ms(1000)
    assert "after=4&" in world.take().request.path


def test_a_copy_with_other_names_than_the_first_one_is_recorded(world, receiver):
    world.context.server_times = ServerTimes(lambda: world.time_ns, lambda: world.time_ns)
    first = msgspec.structs.replace(
        message_of_bob(1), client_msg_id="g1.s.1", id="m1", stamped_ms=900
    )
    other = msgspec.structs.replace(first, client_msg_id="g1.s.2", id="m2", stamped_ms=902)
    connection = open_connection()
    receiver.on_entry(connection, first)
    receiver.on_entry(connection, first)
    receiver.on_entry(connection, other)
    known = {"conv": 1, "link": 9, "peer": 2, "sseq": 1, "seq": 1}
    named = [record.fields for record in world.kinds(Kind.NAMED)]
    assert named == [
        known | {"ref_ns": id_digest("m1"), "spare": NamedFlag.SHOWN},
        known | {"ref_ns": id_digest("m2"), "spare": NamedFlag.SHOWN | NamedFlag.OTHER_MESSAGE},
    ]
    (stamp,) = world.kinds(Kind.STAMP)
    marks = StampFlag.DIFFERS | StampFlag.SHOWN
    assert stamp.fields == known | {"ref_ns": 902 * NS_PER_MS, "spare": marks}


def test_the_names_of_a_push_that_is_held_back_are_recorded_once(world, receiver):
    held = msgspec.structs.replace(message_of_bob(2, 2), id="m2")
    receiver.on_entry(open_connection(), held)
    receiver.on_entry(open_connection(), message_of_bob(1))
    assert len(world.kinds(Kind.DELIVER)) == 2
    (named,) = world.kinds(Kind.NAMED)
    assert (named.fields["sseq"], named.fields["ref_ns"]) == (2, id_digest("m2"))


def test_the_names_of_a_leftover_are_not_compared(world, receiver):
    world.context.older_accounts, world.context.bodies.run = True, "ab12cd34"
    receiver.on_entry(open_connection(), left_behind())
    assert world.kinds(Kind.NAMED) == []
