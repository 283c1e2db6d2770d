"""At which limits times are impossible: each limit, and one nanosecond beyond it."""

from dataclasses import replace

import numpy as np
import pytest

from gauntlet.campaigns.synthetic.story import ZERO, S
from gauntlet.core.history import DTYPE, Channel, Flag, Kind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.messages import collect_messages
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.history.times.order import Descents, contradictions, descents, disorder

from ..small_runs import NS, SmallRun

CAUSE = ": a clock stepped during the run, or a shard belongs to another run"
MS = 0.001


def contradicted(run, clocks=None):
    """Return the clauses on impossible times of a run."""
    history = run.history()
    events = replace(history.events, clocks=clocks) if clocks else history.events
    found = history.records, history.user, events, history.messages, history.sessions.connections
    return list(contradictions(*found))


def recorded(*members, **declared):
    """Return a run whose recordings end at 38 s and at 39 s."""
    run = SmallRun(*members)
    run.declare(**declared)
    run.story.chaos.insert(0, run.story.chaos[-1] | {"t_ns": ZERO + 38 * S})
    return run


def shard(*times_ns):
    records = np.zeros(len(times_ns), dtype=np.dtype(DTYPE))
    records["t_ns"] = times_ns
    return records


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], (0, 0, 0)),
        ([(1, 2, 2, 3)], (0, 0, 0)),
        ([(1, 5, 3)], (1, 2, 2)),
        ([(5, 4, 1)], (2, 1, 1)),
        # The last record of a chunk is compared with the first one of the next chunk.
        ([(1, 5), (3, 4)], (1, 2, 2)),
        ([(1, 5), (5, 6)], (0, 0, 0)),
        ([(1, 5), (6, 7, 2)], (1, 4, 5)),
        ([(1, 2), (), (1,)], (1, 2, 1)),
        ([(), (4, 1)], (1, 1, 3)),
        ([(1, 2), (3, 4), (5, 4)], (1, 5, 1)),
        ([(1, 2), (3, 9), (5, 6)], (1, 4, 4)),
        ([(5, 3), (9, 1), (0, 0)], (3, 1, 2)),
        ([(NEVER, -NEVER)], (1, 1, 2 * NEVER)),
    ],
)
def test_times_that_go_back_are_counted_and_the_first_one_is_named(chunks, expected):
    assert descents(shard(*times_ns) for times_ns in chunks) == Descents(*expected)


WENT_BACK = (
    "the clock of worker 3 went back by 2 s during the run (record 1,234 of history shard "
    "w3-g1.bin)"
)
STEP, STEPS = Descents(1, 1_233, 2 * S), Descents(2, 7, 3 * S)


def disordered(name, record, back):
    """Return the clause on a shard that goes back."""
    said = f"record {record} is {back} older than the record before it"
    return f"history shard {name} is not in the order of time: {said}"


@pytest.mark.parametrize(
    ("shards", "clause"),
    [
        ({"w0-g1.bin": Descents(0, 0, 0)}, ""),
        ({"w0-g1.bin": STEP}, disordered("w0-g1.bin", "1,234", "2 s")),
        ({"w0-g1.bin": STEPS}, disordered("w0-g1.bin", "8", "3 s")),
        (
            {"w3-g1.bin": STEP, "w3-g2.bin": Descents(0, 0, 0), "w3-g4.bin": STEP},
            WENT_BACK,
        ),
        # Each time at which a clock goes back is seen once in each shard.
        ({"w0-g1.bin": STEP, "w0-g2.bin": STEPS}, disordered("w0-g1.bin", "1,234", "2 s")),
        ({"w1-g1.bin": STEPS, "w2-g1.bin": STEP}, disordered("w1-g1.bin", "8", "3 s")),
    ],
)
def test_a_clock_that_went_back_did_so_once_in_each_shard_of_its_worker(shards, clause):
    assert disorder(shards) == clause


@pytest.mark.parametrize(
    ("points_ms", "error_ms", "moved"),
    [
        # In 30 s, a clock may drift by 30 ms. Another millisecond is allowed.
        ([(0, 5), (30_000, 36)], 0, ""),
        ([(0, 5), (30_000, 36.000001)], 0, "31 ms"),
        ([(0, 5), (30_000, -26)], 0, ""),
        ([(0, 5), (30_000, -26.000001)], 0, "31 ms"),
        # Both measurements have an error.
        ([(0, 5), (30_000, 40)], 2, ""),
        ([(0, 5), (30_000, 40.000001)], 2, "35 ms"),
        ([(0, 5), (15_000, 500), (30_000, 5)], 0, ""),
        ([(10_000, 5), (40_000, 36)], 0, ""),
        ([(10_000, 5), (40_000, 36.000001)], 0, "31 ms"),
    ],
)
def test_a_clock_may_move_as_far_as_clocks_drift(points_ms, error_ms, moved):
    points = [(round(at * 10**6), round(lead * 10**6)) for at, lead in points_ms]
    clocks = ClockAlignment({4: points}, error_ms)
    clause = (
        f"the clock of worker 4 moved by {moved} against the master's during the run, which is "
        "more than clocks drift"
    )
    assert contradicted(recorded((1, 2)), clocks) == [clause] * bool(moved)


@pytest.mark.parametrize(("at_s", "late"), [(40, ""), (40 + NS, "1 s"), (45, "6 s")])
def test_nothing_is_recorded_more_than_a_second_after_the_recording(at_s, late):
    run = recorded((1, 2))
    run.send(1, 1, 10)
    run.add(Kind.STAMP, at_s, conv=1, link=1, peer=1, sseq=1)
    clause = f"the last record is {late} later than the end of the recording{CAUSE}"
    assert contradicted(run) == [clause] * bool(late)


@pytest.mark.parametrize("kind", [Kind.AUDIT, Kind.HEAD])
@pytest.mark.parametrize(
    ("error_s", "at_s", "early"),
    [(0, 31, ""), (0, 31 - NS, "1 s"), (0.5, 30.5, ""), (0.5, 30.5 - NS, "1.5 s")],
)
def test_nothing_is_audited_more_than_a_second_before_the_audit(kind, error_s, at_s, early):
    """Phases and records of an imported history may be those of two clocks."""
    run = recorded((1, 2), clock_error_ns=round(error_s * S))
    run.send(1, 1, 10)
    run.add(kind, at_s, conv=1, peer=1, sseq=1, seq=1)
    run.add(kind, 33, conv=1, peer=1, sseq=1, seq=1)
    clause = f"the audit has a record {early} before it began{CAUSE}"
    assert contradicted(run) == [clause] * bool(early)
    del run.story.phases["audit"]
    assert contradicted(run) == []


@pytest.mark.parametrize(
    ("error_s", "at_s", "early"),
    [
        (0, -1, ""),
        (0, -1 - NS, "1 s"),
        # Sends were moved back by the error, which may also make the phase seem late.
        (0.5, -2, ""),
        (0.5, -2 - NS, "1.5 s"),
    ],
)
def test_nothing_is_sent_more_than_a_second_before_the_load_begins(error_s, at_s, early):
    run = recorded((1, 2), clock_error_ns=round(error_s * S))
    run.send(1, 1, at_s)
    run.send(1, 2, 10)
    clause = f"a message was sent {early} before the load began{CAUSE}"
    assert contradicted(run) == [clause] * bool(early)
    del run.story.phases["ramp"]
    assert contradicted(run) == []


@pytest.mark.parametrize("kind", [Kind.DELIVER, Kind.ARRIVED, Kind.AUDIT])
@pytest.mark.parametrize(
    ("clocks", "allowed_s"),
    [
        (ClockAlignment(), 0),
        (ClockAlignment({}, 2.0), 4 * MS),
        # Between two measurements the lead is interpolated.
        (ClockAlignment({0: [(0, 5), (10, 5)]}, 2.0), 5 * MS),
    ],
)
def test_nothing_is_shown_before_it_was_sent(kind, clocks, allowed_s):
    run = recorded((1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 33 + seq)
        run.deliver(1, seq, 33 + seq - allowed_s, 2, kind=kind)
    assert contradicted(run, clocks) == []
    run.deliver(1, 2, 35 - allowed_s - NS, 2, kind=kind)
    run.deliver(1, 3, 36 - allowed_s - 2, 2, kind=kind)
    said = "2 deliveries were recorded before the message was first sent, by up to 2 s"
    assert contradicted(run, clocks) == [said]


def test_what_was_never_sent_is_no_matter_of_time():
    run = recorded((1, 2))
    run.send(1, 1, 10)
    run.story.drop(run.story.at(Kind.ATTEMPT))
    run.deliver(1, 1, 9, 2)
    run.deliver(1, 2, 9, 2)
    run.deliver(1, 3, 9, 2, flags=Flag.FOREIGN)
    assert contradicted(run) == []


@pytest.mark.parametrize("kind", [Kind.DELIVER, Kind.ROOM, Kind.RECEIVE, Kind.GAP, Kind.ARRIVED])
def test_nothing_is_received_before_its_connection_is_established(kind):
    run = recorded((1, 2))
    run.connect(2, 10, link=5)
    known = {"conv": 1, "link": 5, "peer": 1, "sseq": 1, "seq": 1}
    run.add(kind, 10, **known)
    assert contradicted(run) == []
    run.add(kind, 10 - NS, **known)
    # Of a connection without a record, nothing is known.
    run.connect(2, 15, link=9)
    run.story.drop(run.story.at(Kind.CONNECT, link=9))
    run.add(kind, 10 - NS, **known | {"link": 9})
    assert contradicted(run) == ["1 entry was received before the connection was established"]


ENDED = "{} received up to {} after the connection had ended"


@pytest.mark.parametrize("kind", [Kind.RECEIVE, Kind.GAP, Kind.ARRIVED, Kind.DELIVER, Kind.ROOM])
@pytest.mark.parametrize(
    ("at_s", "changed", "is_wrong"),
    [
        (20, {}, False),
        (20 + NS, {}, True),
        (22, {}, True),
        # Pages come after their connection, and entries without a position before the next one.
        (22, {"flags": Channel.HISTORY}, False),
        (22, {"flags": Channel.RESYNC}, False),
        (22, {"seq": 0}, False),
    ],
)
def test_nothing_is_pushed_after_its_connection_has_ended(kind, at_s, changed, is_wrong):
    run = recorded((1, 2), (1, 2))
    run.disconnect(2, 20)
    run.add(kind, at_s, **{"conv": 1, "link": 2, "peer": 1, "sseq": 1, "seq": 1} | changed)
    clause = ENDED.format("1 entry was", "2 s" if at_s == 22 else "0 ms")
    assert contradicted(run) == [clause] * is_wrong


@pytest.mark.parametrize(
    ("kind", "filling", "at_s", "changed", "is_held"),
    [
        (Kind.DELIVER, Kind.PAGE, 25, {}, True),
        (Kind.DELIVER, Kind.DELIVER, 25, {}, True),
        (Kind.ROOM, Kind.ROOM, 25, {}, True),
        (Kind.DELIVER, Kind.PAGE, 24, {}, True),
        (Kind.DELIVER, Kind.PAGE, 24 - NS, {}, False),
        (Kind.DELIVER, Kind.PAGE, 25 + NS, {}, False),
        # What was only dropped or reported fills no gap; and only presentations can be held.
        (Kind.DELIVER, Kind.RECEIVE, 25, {"flags": Channel.HISTORY}, False),
        (Kind.RECEIVE, Kind.PAGE, 25, {}, False),
        (Kind.GAP, Kind.PAGE, 25, {}, False),
        (Kind.ARRIVED, Kind.PAGE, 25, {}, False),
        # The entries of other users and conversations do not fill it.
        (Kind.DELIVER, Kind.PAGE, 25, {"link": 1}, False),
        (Kind.DELIVER, Kind.PAGE, 25, {"conv": 2}, False),
        (Kind.DELIVER, Kind.PAGE, 25, {"link": 0}, False),
    ],
)
def test_a_push_may_be_held_until_another_entry_completes_the_positions_before_it(
    kind, filling, at_s, changed, is_held
):
    run = recorded((1, 2), (1, 2))
    run.disconnect(2, 20)
    run.connect(2, 22, link=5)
    run.add(kind, 25, conv=1, link=2, peer=1, sseq=2, seq=2)
    known = {"conv": 1, "link": 5, "peer": 1, "sseq": 1, "seq": 1}
    run.add(filling, at_s, **known | changed)
    assert contradicted(run) == ([] if is_held else [ENDED.format("1 entry was", "5 s")])


@pytest.mark.parametrize(("at_s", "is_held"), [(20, True), (20 - NS, False)])
def test_what_came_before_the_end_of_the_connection_held_nothing_until_after_it(at_s, is_held):
    run = recorded((1, 2))
    run.disconnect(2, 20)
    run.add(Kind.DELIVER, 20.5, conv=1, link=2, peer=1, sseq=2, seq=2)
    run.add(Kind.DELIVER, at_s, conv=1, link=2, peer=1, sseq=1, seq=1)
    assert contradicted(run) == ([] if is_held else [ENDED.format("1 entry was", "500 ms")])


def test_of_several_late_pushes_the_latest_of_those_that_were_not_held_is_named():
    run = recorded((1, 2), (1, 2))
    run.disconnect(2, 20)
    for conv, at_s in ((1, 21), (2, 24), (1, 27), (1, 23)):
        run.add(Kind.DELIVER, at_s, conv=conv, link=2, peer=1, sseq=at_s, seq=at_s)
    run.page(1, 2, 27, after=0, last=2, entries=0)
    assert contradicted(run) == [ENDED.format("3 entries were", "4 s")]


def test_where_nothing_is_recorded_no_time_is_impossible():
    history = recorded((1, 2)).history()
    none = history.records[:0]
    known = history.events, collect_messages(none), history.sessions.connections
    assert list(contradictions(none, history.user[:0], *known)) == []


def test_a_foreign_body_is_no_delivery_of_a_message_that_was_sent():
    run = recorded((1, 2))
    run.send(1, 1, 10)
    run.deliver(1, 1, 9, 2, flags=Flag.FOREIGN)
    assert contradicted(run) == []
    run.deliver(1, 1, 9.5, 2)
    said = "1 delivery was recorded before the message was first sent, by up to 500 ms"
    assert contradicted(run) == [said]


@pytest.mark.parametrize("link", [1, 2])
def test_nothing_is_received_before_any_of_the_connections(link):
    run = recorded((1, 2))
    run.add(Kind.RECEIVE, -NS, conv=1, link=link, peer=1, sseq=1, seq=1)
    assert contradicted(run) == ["1 entry was received before the connection was established"]


def test_the_answer_to_a_send_is_no_push():
    run = recorded((1, 2))
    run.send(1, 1, 19.5, took_s=1)
    run.disconnect(1, 20)
    assert contradicted(run) == []


@pytest.mark.parametrize("user", [1, 2])
def test_the_pushes_of_any_user_may_be_held(user):
    run = recorded((1, 2))
    run.disconnect(user, 20)
    run.connect(user, 22, link=5)
    run.add(Kind.DELIVER, 25, conv=1, link=user, peer=3, sseq=2, seq=2)
    run.page(1, 5, 25, after=0, last=1, entries=0)
    assert contradicted(run) == []
