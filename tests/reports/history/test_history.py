"""The history of a run as a whole, or of a part of it."""

import numpy as np
import pytest

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import DTYPE, RECORDED, Channel, Kind, ProbeResult, RoomEvent
from gauntlet.core.scenario.capabilities import DEVICES
from gauntlet.reports.history.history import WholeRun, assemble_history, span_of
from gauntlet.reports.history.never_connected import NeverConnected

from ..small_runs import NS, SmallRun, ns


@pytest.mark.parametrize(
    ("adapter", "phases", "is_log"),
    [
        (RECORDED, (), True),
        (RECORDED, ("quiesce", "audit"), False),
        ("reference", (), False),
        ("reference", ("quiesce", "audit"), False),
    ],
)
def test_what_others_recorded_without_the_phases_of_a_load_is_a_log(adapter, phases, is_log):
    run = SmallRun((1, 2), target={"adapter": adapter})
    run.story.phases = {phase: at for phase, at in run.story.phases.items() if phase in phases}
    assert run.history().is_log == is_log


def test_a_message_is_named_by_its_number_its_author_and_its_conversation():
    run = SmallRun((1, 2), (1, 2))
    run.send(2, 7, 10, author=2)
    run.send(1, 8, 11, end=Kind.UNKNOWN)
    history = run.history()
    assert [history.title(message) for message in (0, 1)] == [
        "message 8 of u1 in c1",
        "message 7 of u2 in c2",
    ]
    assert [history.place(message) for message in (0, 1)] == ["", " (position 7)"]


def test_a_history_lasts_from_its_earliest_record_to_its_latest():
    records = np.zeros(3, dtype=np.dtype(DTYPE))
    records["t_ns"] = 5, 2, 9
    assert span_of(records) == (2, 9)
    assert span_of(records[:0]) == (0, 0)


@pytest.mark.parametrize("link", [1, 2])
def test_each_connection_has_to_be_named(link):
    run = SmallRun((1, 2))
    run.audit(1, head=0)  # no connection
    assert run.history().user.tolist() == [1, 2, 0]
    del run.story.links[link]
    with pytest.raises(HistoryError, match=f"does not name link {link}, which the history has"):
        run.history()


def test_a_history_with_impossible_times_is_not_read(history, good_story):
    story = good_story(1)
    index = story.at(Kind.DELIVER, flags=Channel.LIVE)[20]
    story.change(index, t_ns=story.records[index].t_ns - 10**9)
    with pytest.raises(HistoryError, match="its times contradict each other: 1 delivery was"):
        history(story)


@pytest.mark.parametrize(
    ("adapter", "without", "missing"),
    [
        (RECORDED, DEVICES, [False]),
        (RECORDED, "", [True, False]),
        ("reference", DEVICES, [True, False]),
    ],
)
def test_one_device_is_enough_where_others_recorded_a_system_without_devices(
    adapter, without, missing
):
    run = SmallRun((1, 2), target={"adapter": adapter})
    run.without = without
    run.connect(2, 0, link=12, device="d1")
    run.send(1, 1, 10)
    run.deliver(1, 1, 11, 2, link=12)
    found = run.history().expected
    assert found.missing[found.user == 2].tolist() == missing


@pytest.mark.parametrize(("without", "users"), [("", [1, 2]), ("self_echo", [2])])
def test_an_echo_is_expected_where_the_system_sends_it(without, users):
    run = SmallRun((1, 2))
    run.without = without
    run.send(1, 1, 10)
    run.send(1, 2, 11, end=Kind.UNKNOWN)
    assert run.history().expected.user.tolist() == users


@pytest.mark.parametrize(("at_s", "is_expected"), [(24.5 - NS, True), (24.5, False)])
def test_by_clocks_that_differ_a_message_is_proven_later(at_s, is_expected):
    """The quiesce begins at 26 s."""
    run = SmallRun((1, 2))
    run.declare(clock_error_ns=1_500_000_000)
    run.send(1, 1, 10, end=Kind.UNKNOWN)
    run.deliver(1, 1, at_s, 2)
    run.audit(1, 1, head=1)
    assert run.history().expected_unanswered.user.tolist() == [1, 2] * is_expected


def test_a_part_knows_of_the_whole_what_its_records_do_not_show():
    run = SmallRun((1, 2), (3, 4))
    run.send(1, 1, 10)
    known = run.history()
    assert known.span_ns == (ns(0), ns(10.1))
    assert known.never_connected == NeverConnected()
    assert known.membership.participants.size == 4
    whole = WholeRun((1, 2), NeverConnected(9, 3), frozenset({1}))
    columns = known.scenario, known.events, known.names, known.records, known.capabilities
    part = assemble_history(*columns, whole=whole)
    assert (part.span_ns, part.never_connected) == (whole.span_ns, whole.never_connected)
    assert part.membership.participants.tolist() == [1 << 32 | 1, 1 << 32 | 2]


@pytest.mark.parametrize(("adapter", "is_entitled"), [(RECORDED, True), ("reference", False)])
def test_only_others_who_recorded_a_history_state_the_times_of_members(adapter, is_entitled):
    run = SmallRun((1, 2), target={"adapter": adapter})
    run.add(Kind.RANGE, 33, conv=1, peer=1, seq=1)
    removed = {"sseq": RoomEvent.REMOVED, "spare": ProbeResult.GRANTED, "ref_ns": ns(19)}
    run.add(Kind.MEMBERSHIP, 20, conv=1, link=1, peer=2, **removed)
    one, two = np.array([1]), np.array([2])
    assert run.history().membership.entitled(one, two, one).tolist() == [is_entitled]
