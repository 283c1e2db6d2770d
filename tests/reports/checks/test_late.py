"""What is late in comparison, and what is not."""

from itertools import product

import numpy as np
import pytest

from gauntlet.campaigns.synthetic.histories import ROOM, good_story
from gauntlet.campaigns.synthetic.service_mutators import serve_one_conversation_late
from gauntlet.campaigns.synthetic.story import BACK_S, FAULT_S, HEAL_S, MS, ZERO, S
from gauntlet.core.history import Kind
from gauntlet.reports.checks import late as late_check
from gauntlet.reports.checks._late_members import late_members
from gauntlet.reports.checks.late import Groups, Served, check_parts

from ..small_runs import NS, SmallRun

CALM_NS = int(ZERO + (BACK_S + 5.5) * S)  # from here on, outside of the recovery window


def delay(story, chosen, by_ns, since_ns=CALM_NS):
    """Delay what some deliveries present from a time on."""
    for kind in (Kind.DELIVER, Kind.RECEIVE, Kind.GAP):
        for index in story.at(kind):
            record = story.records[index]
            if record.t_ns >= since_ns and chosen(record, story.links[record.link].user):
                story.change(index, t_ns=record.t_ns + by_ns)


def test_a_late_conversation_is_named_with_its_delay(verdict):
    story = good_story()
    serve_one_conversation_late(story)
    late = verdict("late", story)
    assert late.outcome == "invalid"
    assert late.count == 1
    assert "The members of d.u0-1.u0-3 received half of" in late.witnesses[0].sentence
    assert "deliveries at least 3" in late.witnesses[0].sentence


def test_a_conversation_that_is_late_by_little_more_than_a_second_is_named(verdict):
    story = good_story()
    delay(story, lambda record, _user: record.conv == 1, 1_500 * MS)
    assert verdict("late", story).count == 1


def test_a_late_receiver_is_named_once_and_none_of_their_conversations(verdict):
    story = good_story()
    delay(story, lambda _record, user: user == 2, 3 * S)
    late = verdict("late", story)
    assert late.count == 1
    assert late.witnesses[0].sentence.startswith("u0-2 received half of")


@pytest.mark.parametrize(
    ("chosen", "by_ns"),
    [
        pytest.param(lambda _record, _user: True, 3 * S, id="everything"),
        pytest.param(lambda record, _user: record.conv == 1, 900 * MS, id="less than 1 s"),
        pytest.param(
            lambda record, _user: record.conv == 1 and record.sseq % 4 == 0, 3 * S, id="a few"
        ),
    ],
)
def test_what_is_usual_short_or_rare_is_not_late(verdict, chosen, by_ns):
    story = good_story()
    delay(story, chosen, by_ns)
    assert verdict("late", story).outcome == "valid"


def test_deliveries_of_a_fault_do_not_count(verdict):
    story = good_story()
    for index in story.at(Kind.DELIVER, conv=1):
        record = story.records[index]
        if ZERO + FAULT_S * S <= record.ref_ns <= ZERO + HEAL_S * S:
            story.change(index, t_ns=record.t_ns + 6 * S)
    assert verdict("late", story).outcome == "valid"


def test_what_was_under_way_when_a_fault_began_does_not_count(verdict):
    """A server that dies before it answers delivers these messages after its restart."""
    story = good_story()
    for index in story.at(Kind.DELIVER, conv=1):
        record = story.records[index]
        if record.ref_ns < ZERO + FAULT_S * S:
            story.change(index, t_ns=record.t_ns + int((FAULT_S + 1) * S))
    later = [at for at in story.at(Kind.DELIVER, conv=1) if story.records[at].ref_ns > CALM_NS]
    story.drop(later)  # so that most deliveries of the conversation were under way
    assert verdict("late", story).outcome == "valid"


def test_two_conversations_are_too_few_to_compare(verdict):
    story = good_story()
    story.drop([at for at, record in enumerate(story.records) if record.conv not in (1, 0, ROOM)])
    story.drop([at for at, record in enumerate(story.records) if record.conv == ROOM])
    assert verdict("late", story).outcome == "not-applicable"


def groups(*rows):
    """Return groups of (key, size, slow) rows."""
    return Groups(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


def none_excused(own):
    return np.zeros(own.size, dtype=np.bool_)


def served(*receivers):
    return Served(groups(*receivers), groups((1, 50, 0)))


def test_receivers_of_several_parts_are_counted_once():
    parts = [served((1, 3, 0), (2, 5, 0)), served((1, 2, 0), (3, 5, 0), (4, 4, 0))]
    found = check_parts(parts)
    assert (found.examined, found.count, found.not_applicable) == (3, 0, "")


def test_fewer_than_three_groups_are_not_compared():
    found = check_parts([served((1, 5, 0), (2, 5, 0))])
    assert found.examined == 0
    assert found.not_applicable


@pytest.mark.parametrize(("size", "slow", "may_be"), [(5, 3, True), (5, 2, False), (6, 3, False)])
def test_a_receiver_may_be_late_if_more_than_half_of_the_deliveries_are_slow(size, slow, may_be):
    others = served((1, 5, 0), (2, 5, 0), (3, size - 1, slow))
    assert (check_parts([others, served((3, 1, 0))]) is None) == may_be


@pytest.mark.parametrize(("delay_s", "slow"), [(0.5, 0), (1, 0), (1 + NS, 1), (3, 1)])
def test_a_delivery_is_slow_if_it_takes_more_than_a_second(delay_s, slow):
    """What its author received does not count, nor what a member never did."""
    run = SmallRun((1, 2, 3))
    run.send(1, 1, 10)
    run.deliver(1, 1, 10 + delay_s, 1, 2)
    found = late_check.served(run.history())
    assert [list(map(int, column)) for column in found.receivers] == [[2], [1], [slow]]
    assert [list(map(int, column)) for column in found.conversations] == [[1], [1], [slow]]


@pytest.mark.parametrize(("delay_s", "slow"), [(1.2, 0), (1.2 + NS, 1)])
def test_by_clocks_that_differ_a_delivery_may_have_taken_less_time(delay_s, slow):
    run = SmallRun((1, 2))
    run.declare(clock_error_ns=200 * MS)
    run.send(1, 1, 10)
    run.deliver(1, 1, 10 + delay_s, 2)
    assert late_check.served(run.history()).receivers.slow.tolist() == [slow]


@pytest.mark.parametrize(
    ("size", "slow", "delay_s", "is_slow"),
    [
        (5, 3, 1 + NS, True),
        (5, 3, 1, False),
        (5, 2, 3, False),
        (6, 3, 3, False),
        (6, 4, 3, True),
        (1, 1, 3, True),
        (1, 0, 3, False),
    ],
)
def test_a_session_is_slow_if_most_of_its_deliveries_take_more_than_a_second(
    size, slow, delay_s, is_slow
):
    run = SmallRun((1, 2, 3))
    for at in range(size):
        run.send(1, at + 1, 10 + at)
        run.deliver(1, at + 1, 10 + at, 3)
        run.deliver(1, at + 1, 10 + at + (delay_s if at < slow else 0.1), 2)
    assert late_check.is_any_slow(run.history()) is is_slow


def test_the_usual_delay_is_the_median_of_the_medians():
    """Of an even number of deliveries, the lower of the two in the middle is their median."""
    delays_ms = [[10, 20, 30, 40, 50], [5, 6, 7, 8, 9, 10], [1_100, 900, 3_000, 1_300, 1_200]]
    group = np.repeat([1, 2, 3], [len(each) for each in delays_ms])
    delay_ns = np.concatenate(delays_ms) * MS
    found = late_check._compare(group, delay_ns, np.zeros_like(group), none_excused)
    assert found.usual_ns == 30 * MS
    (late,) = found.late
    assert (late.key, late.size, late.delay_ns) == (3, 5, 1_200 * MS)
    assert delay_ns[late.at] == late.delay_ns


@pytest.mark.parametrize(
    ("others_ms", "limit_ms"),
    [
        ([100, 200, 300], 2_000),
        ([400, 300, 200, 100], 2_000),
        ([150, 100], 1_000),
        ([0, 0, 7_000], 1_000),
        ([], 1_000),
    ],
)
def test_a_late_delivery_is_compared_with_the_median_of_its_second(others_ms, limit_ms):
    """Others of another second say nothing."""
    for beyond_ns in (0, 1):
        own_ns = [limit_ms * MS + beyond_ns] * 3
        group = np.array([9] * 3 + [1] * len(others_ms) + [2] * 2, dtype=np.int64)
        delay_ns = np.array([*own_ns, *(each * MS for each in others_ms), 5 * S, 5 * S])
        intended_ns = np.array([4 * S] * (group.size - 2) + [3 * S, 5 * S])
        late = np.array([9], dtype=np.int64)
        found = late_check._stand_out(late, group, delay_ns, intended_ns, S, none_excused)
        assert found.tolist() == [beyond_ns == 1]


@pytest.mark.parametrize(
    ("delays_ms", "usual_ms", "late"),
    [
        ((0, 0, 1_001, 1_001, 1_001), 0, [3]),
        ((0, 0, 1_000, 1_001, 1_001), 0, []),
        ((0, 0, 0, 1_001, 1_001), 0, []),
        # Of an even number, the lower of the two in the middle.
        ((0, 0, 1_001, 1_001, 1_001, 1_001), 0, [3]),
        ((0, 0, 0, 1_001, 1_001, 1_001), 0, []),
    ],
)
def test_a_group_is_late_if_its_median_is_more_than_a_second(delays_ms, usual_ms, late):
    group = np.array([1] * 5 + [2] * 5 + [3] * len(delays_ms), dtype=np.int64)
    delay_ns = np.array([*[usual_ms] * 10, *delays_ms], dtype=np.int64) * MS
    found = late_check._compare(group, delay_ns, np.zeros_like(group), none_excused)
    assert [each.key for each in found.late] == late
    assert (found.compared, found.usual_ns) == (3, usual_ms * MS)


@pytest.mark.parametrize(
    ("others_s", "in_stall", "count"),
    [(0.31, 6, 0), (0.3, 6, 1), (0.31, 3, 0), (0.31, 2, 1), (None, 6, 1)],
)
def test_a_receiver_is_late_only_if_others_receive_the_same_seconds_in_time(
    others_s, in_stall, count
):
    """User 4 receives few messages, most of them while the load stalls."""
    run = SmallRun((1, 2, 3), (1, 4))
    for at in range(14):
        if others_s is None and at < in_stall:
            continue
        run.send(1, at + 1, 8 + at)
        run.deliver(1, at + 1, 8 + at + (others_s if at < in_stall else 0.01), 1, 2, 3)
    for at in range(6):
        run.send(2, at + 1, 8.5 + at)
        run.deliver(2, at + 1, 8.5 + at + 3.05, 4)
    assert run.verdict("late").count == count


def talk(delay_s, *, count=6, every_s=1.0, late=lambda _at: True):
    """Return a run of two rooms, in one of which user 3 receives some messages later."""
    run = SmallRun((1, 2, 3, 4), (1, 2, 3, 4))
    for at in range(count):
        sent_s = 8 + at * every_s
        run.send(1, at + 1, sent_s)
        run.deliver(1, at + 1, sent_s + 0.1, 2, 4)
        run.deliver(1, at + 1, sent_s + 0.1 + (delay_s if late(at) else 0), 3)
    for at in range(10):
        run.send(2, at + 1, 8 + at)
        run.deliver(2, at + 1, 8.1 + at, 2, 3, 4)
    return run


@pytest.mark.parametrize(("delay_s", "count"), [(1, 0), (1 + NS, 1), (3, 1)])
def test_a_member_who_is_late_in_one_room_is_compared_with_its_other_members(delay_s, count):
    found = talk(delay_s).verdict("late")
    assert found.count == count
    sentence = (
        "u3 received more than half of 6 messages of c1 much later than its other members, such as "
        f"message 3 of u1 in c1 by {'1 s' if delay_s < 2 else '3 s'}."
    )
    assert [witness.sentence for witness in found.witnesses] == [sentence] * count
    assert [(each.user, len(each.records)) for each in found.witnesses] == [(3, 1)] * count


@pytest.mark.parametrize(
    ("run", "count"),
    [
        (talk(3, count=4, every_s=2), 0),
        (talk(3, count=5, every_s=1.25), 1),
        (talk(3, count=6, late=lambda at: at in (0, 1, 5)), 0),
        (talk(3, count=6, late=lambda at: at in (0, 1, 2, 5)), 1),
        (talk(3, count=6, late=lambda at: at < 5), 0),
        (talk(3, count=10, every_s=0.5), 0),
    ],
    ids=["few", "enough", "half", "more-than-half", "in-four-seconds", "in-a-short-time"],
)
def test_a_member_is_late_if_most_deliveries_of_five_seconds_are(run, count):
    assert run.verdict("late").count == count


def test_the_delivery_in_the_middle_of_an_odd_number_is_named():
    (witness,) = talk(3, count=5, every_s=1.25).verdict("late").witnesses
    assert "more than half of 5 messages of c1" in witness.sentence
    assert "such as message 3 of u1 in c1 by 3 s." in witness.sentence


def test_a_late_device_is_compared_with_the_other_devices_of_its_user():
    run = talk(0)
    run.connect(3, 0, link=9, device="d1")
    for conv, behind_s in ((1, 3), (2, 0)):
        for index in run.story.at(Kind.DELIVER, conv=conv, link=3):
            record = run.story.records[index]
            run.story.records.append(record._replace(link=9, t_ns=record.t_ns + behind_s * S))
    (witness,) = run.verdict("late").witnesses
    assert (witness.user, run.history().names.sessions[witness.session]) == (3, (3, "d1"))


def test_a_room_whose_messages_are_late_for_all_has_no_late_member():
    run = talk(0)
    for index in run.story.at(Kind.DELIVER, conv=1):
        run.story.change(index, t_ns=run.story.records[index].t_ns + 3 * S)
    assert [*late_members(run.history(), *late_check._delays(run.history()), S)] == []


def fan_out(*delays_s):
    """Return a run of a room that serves user 2 and so on in order, and a quick one of all."""
    users = tuple(range(1, len(delays_s) + 2))
    run = SmallRun(users, users)
    for at in range(8):
        run.send(1, at + 1, 8 + at)
        for user, delay_s in enumerate(delays_s, 2):
            run.deliver(1, at + 1, 8 + at + delay_s, user)
    for at in range(10):
        run.send(2, at + 1, 8 + at)
        run.deliver(2, at + 1, 8.1 + at, *users[1:])
    return run


@pytest.mark.parametrize(
    ("delays_s", "late"),
    [
        ([0.1 + 0.35 * at for at in range(9)], set()),
        ([0.1, 3, 3], set()),
        ([0.1, 0.1, 3, 3], {4, 5}),
        ([0.3, 0.3, 0.3, 3], set()),
        ([0.3, 0.3, 0.3, 3 + NS], {5}),
    ],
    ids=["spread", "most", "half", "ten-times", "more-than-ten-times"],
)
def test_a_member_is_compared_with_the_median_of_the_members(delays_s, late):
    assert {witness.user for witness in fan_out(*delays_s).verdict("late").witnesses} == late


def slow_room(delays_s, *, only=()):
    """Return a run of a room that serves its members so, and of two quick ones without `only`."""
    users = tuple(range(1, len(delays_s) + 2))
    others = tuple(user for user in users if user not in only)
    run = SmallRun(users, others, others)
    for at in range(8):
        run.send(1, at + 1, 8 + at)
        for user, delay_s in enumerate(delays_s, 2):
            run.deliver(1, at + 1, 8 + at + delay_s, user)
    for conv, at in product((2, 3), range(12)):
        run.send(conv, at + 1, 8 + at)
        run.deliver(conv, at + 1, 8.1 + at, *others[1:])
    return run


IN_ORDER = [0.1 + 0.35 * at for at in range(9)]


@pytest.mark.parametrize(
    ("delays_s", "only", "late"),
    [
        (IN_ORDER, (), []),
        (IN_ORDER, (10,), []),
        (IN_ORDER, (9, 10), []),
        ([3] * 9, (10,), ["The members of c1"]),
        ([0.1] * 8 + [3], (10,), ["u10"]),
        # Half of all members wait together, for an edge that serves them late.
        ([0.1] * 4 + [3] * 5, (), ["The members of c1"]),
        # The last ones of those who are served in order wait for much longer than the others.
        ([*IN_ORDER, 40], (11,), ["u11"]),
        # With a step of a third of the median, and with a larger one.
        ([0.5, 1, 1.5, 2, 2.5, 3], (), []),
        ([0.5, 1, 1.6, 2, 2.5, 3], (), ["The members of c1"]),
    ],
)
def test_a_large_room_that_serves_its_members_in_order_makes_no_user_late(delays_s, only, late):
    found = slow_room(delays_s, only=only).verdict("late")
    assert [each.sentence.split(" received ")[0] for each in found.witnesses] == late


def test_a_message_to_one_user_alone_does_not_explain_that_they_are_late():
    run = slow_room([0.1, 0.1, 0.1, 3], only=(5,))
    for index in [*run.story.at(Kind.DELIVER, conv=1)]:
        if run.story.records[index].link != 5:
            run.story.change(index, conv=9)
    run.story.drop(run.story.at(Kind.DELIVER, conv=9))
    (witness,) = run.verdict("late").witnesses
    assert witness.user == 5


def test_after_the_time_for_its_recovery_a_fault_is_no_excuse():
    """User 3 is late from the fault on, which has to be over 4 s after its heal."""
    for allowed_s, count in ((None, 0), (4, 1)):
        run = talk(3, count=16, late=lambda at: at >= 2)
        run.fault(10, 11)
        run.story.scenario["faults"][0]["expect"] = {"recover_within": allowed_s}
        run.story.scenario["recovery_window"] = 30
        assert run.verdict("late").count == count


def test_a_member_who_is_late_everywhere_is_named_once():
    run = talk(3)
    for index in run.story.at(Kind.DELIVER, conv=2, link=3):
        run.story.change(index, t_ns=run.story.records[index].t_ns + 3 * S)
    (witness,) = run.verdict("late").witnesses
    assert witness.sentence.startswith("u3 received half of 16 deliveries")


def test_a_part_with_a_late_member_has_to_be_judged_with_the_others():
    parts = [late_check.served(talk(delay_s).history()) for delay_s in (0, 3)]
    assert check_parts(parts[:1]) is not None
    assert check_parts(parts) is None
