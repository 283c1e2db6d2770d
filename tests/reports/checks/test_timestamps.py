"""Time stamps of the server: what is possible, and how the difference of two clocks is found."""

import pytest

from gauntlet.campaigns.synthetic.story import S
from gauntlet.core.history import (
    STAMP_AGE_MAX,
    STAMP_AGE_UNIT_NS,
    STAMP_AGE_ZERO,
    Channel,
    Kind,
    StampFlag,
    stamp_age,
)
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports import checks

from ..small_runs import NS, SmallRun, ns, sentences

ELSEWHERE = {"target": {"stack": "external", "url": ["ws://127.0.0.1:9"]}}
ALLOWED_S = 2.01  # the tolerance, and the unit of recorded ages


def stamped(*stamps_s, apart_s=1.0, **scenario):
    """Return a run in which u1 sends a message at 10 s, and further ones so much later each.

    Each is answered after 100 ms, with its time stamp unless that is None. The audit finds all.
    """
    run = SmallRun((1, 2), **scenario)
    for seq, stamp_s in enumerate(stamps_s, 1):
        at_s = 10 + (seq - 1) * apart_s
        run.send(1, seq, at_s)
        if stamp_s is not None:
            stamp(run, seq, at_s + 0.1, stamp_s)
    run.audit(1, *range(1, len(stamps_s) + 1), head=len(stamps_s))
    return run


def stamp(run, seq, at_s, stamp_s, flags=0, conv=1):
    """Let an acknowledgement, or else the store, show a time stamp."""
    known = {"conv": conv, "link": 0 if flags else 1, "peer": 1, "sseq": seq, "seq": seq}
    run.add(Kind.STAMP, at_s, **known, ref_ns=ns(stamp_s), flags=flags)


def is_wrong(what, seq=1, where="in its acknowledgement"):
    """Return the sentence on a wrong time stamp."""
    return f"The time stamp of message {seq} of u1 in c1 {where} is {what}."


def shift_all(story, shift_ns):
    """Let the server's clock be ahead: all stamps are later, and all ages smaller."""
    for index in story.at(Kind.STAMP):
        story.change(index, ref_ns=story.records[index].ref_ns + shift_ns)
    for index in story.at(Kind.DELIVER):
        age = story.records[index].spare - STAMP_AGE_ZERO - shift_ns // STAMP_AGE_UNIT_NS
        story.change(index, spare=stamp_age(age * STAMP_AGE_UNIT_NS))


def external(story):
    story.scenario["target"] = {"stack": "external", "url": ["ws://127.0.0.1:9"]}


def shift_one(story, shift_ns):
    """Shift the stamp of one acknowledgement, and return its record before."""
    index = story.at(Kind.STAMP, flags=0, conv=1)[5]
    record = story.records[index]
    story.change(index, ref_ns=record.ref_ns + shift_ns)
    return record


@pytest.mark.parametrize("shift_s", [-3, 3])
def test_a_clock_of_this_machine_must_be_right(verdict, good_story, shift_s):
    story = good_story(1)
    shift_all(story, shift_s * S)
    found = verdict("timestamps", story)
    assert (found.outcome, found.count) == ("invalid", found.examined)


@pytest.mark.parametrize("shift_s", [-30, 15, 59])
def test_the_clock_of_another_host_may_differ(verdict, good_story, shift_s):
    story = good_story(1)
    external(story)
    shift_all(story, shift_s * S)
    found = verdict("timestamps", story)
    assert found.outcome == "valid"
    side = "ahead" if shift_s > 0 else "behind"
    assert f"{abs(shift_s)} s {side}" in found.sentence


def test_a_stamp_is_compared_with_the_clock_of_the_other_host(verdict, good_story):
    story = good_story(1)
    external(story)
    shift_all(story, 30 * S)
    shift_one(story, -5 * S)
    found = verdict("timestamps", story)
    assert (found.outcome, found.count) == ("invalid", 1)


@pytest.mark.parametrize("shift_s", [-90, 3_600])
def test_a_clock_that_is_more_than_a_minute_off_is_wrong(verdict, good_story, shift_s):
    story = good_story(1)
    external(story)
    shift_all(story, shift_s * S)
    found = verdict("timestamps", story)
    assert (found.outcome, found.count) == ("invalid", found.examined)


def test_the_tolerance_is_that_of_the_scenario(verdict, good_story):
    story = good_story(1)
    shift_one(story, 5 * S)
    assert verdict("timestamps", story).outcome == "invalid"
    story.scenario["clock_tolerance"] = 6
    assert verdict("timestamps", story).outcome == "valid"


def test_a_stamp_may_be_as_old_as_the_first_of_several_attempts(verdict, good_story):
    """The first attempt was stored; only the second one was answered, four seconds later."""
    story = good_story(1)
    again = story.records[story.at(Kind.ATTEMPT, spare=2)[0]]
    message = {"conv": again.conv, "peer": again.peer, "sseq": again.sseq}
    (first,) = story.at(Kind.ATTEMPT, spare=1, **message)
    sent_ns = story.records[first].t_ns
    story.change(first, t_ns=sent_ns - 4 * S)
    (stamp,) = story.at(Kind.STAMP, flags=0, **message)
    story.change(stamp, ref_ns=sent_ns - 4 * S)
    (stored,) = story.at(Kind.STAMP, flags=Channel.AUDIT, **message)
    story.drop([stored])
    assert verdict("timestamps", story).outcome == "valid"
    story.change(first, t_ns=sent_ns)
    found = verdict("timestamps", story)
    assert (found.outcome, found.count) == ("invalid", 1)


def test_a_message_that_is_stored_twice_is_no_concern(verdict, good_story):
    story = good_story(1)
    record = shift_one(story, 30 * S)
    assert verdict("timestamps", story).count == 1
    (audit,) = story.at(Kind.AUDIT, conv=record.conv, peer=record.peer, sseq=record.sseq)
    story.records.append(story.records[audit])
    found = verdict("timestamps", story)
    assert (found.outcome, found.count) == ("valid", 0)


def test_an_age_beyond_the_scale_proves_nothing_where_it_is_possible(verdict, good_story):
    """Older than the scale: that may be before the first attempt, or not."""
    story = good_story(1)
    index = story.at(Kind.DELIVER, flags=Channel.LIVE, conv=1)[7]
    story.change(index, spare=0)  # no stamp
    assert verdict("timestamps", story).outcome == "valid"
    story.change(index, spare=STAMP_AGE_ZERO + STAMP_AGE_MAX)
    assert verdict("timestamps", story).outcome == "invalid"
    story.scenario["clock_tolerance"] = 400
    found = verdict("timestamps", story)
    assert found.outcome == "valid"


def test_a_run_without_stamps_is_unknown_where_they_are_declared(verdict, good_story):
    story = good_story(1)
    story.drop(story.at(Kind.STAMP))
    for index in story.at(Kind.DELIVER):
        story.change(index, spare=0)
    found = verdict("timestamps", story)
    assert (found.outcome, found.examined) == ("unknown", 0)


def test_the_check_does_not_apply_where_stamps_are_not_declared(history, good_story):
    found = checks.run_one("timestamps", history(good_story(1), without="timestamps"))
    assert found.outcome == "not-applicable"


def test_an_age_beyond_the_scale_is_not_examined_where_it_is_possible(verdict, good_story):
    story = good_story(1)
    story.scenario["clock_tolerance"] = 400
    story.drop(story.at(Kind.STAMP))
    for index in story.at(Kind.DELIVER):
        story.change(index, spare=STAMP_AGE_ZERO + STAMP_AGE_MAX)
    found = verdict("timestamps", story)
    assert (found.outcome, found.examined) == ("unknown", 0)


@pytest.mark.parametrize(
    ("stamp_s", "what"),
    [
        (10 - ALLOWED_S, ""),
        (10 - ALLOWED_S - NS, "2.01 s before it was first sent"),
        (10.1 + ALLOWED_S, ""),
        (10.1 + ALLOWED_S + NS, "2.01 s after it was known to be accepted"),
        (4, "6 s before it was first sent"),
        (20.1, "10 s after it was known to be accepted"),
    ],
)
def test_a_stamp_lies_between_the_first_attempt_and_the_answer(stamp_s, what):
    run = stamped(stamp_s, 11, 12, 13, 14)
    found = run.verdict("timestamps")
    assert sentences(found) == [is_wrong(what)] * bool(what)
    assert (found.count, found.examined) == (bool(what), 5)
    assert found.times_ns is not None
    assert found.times_ns.tolist() == [ns(10.1)] * bool(what)
    for witness in found.witnesses:
        assert (witness.messages, witness.user, len(witness.records)) == ((0,), 1, 1)


def test_a_stamp_of_the_store_and_of_a_delivery_are_named_so():
    run = stamped(10, 11, 12)
    stamp(run, 1, 33, 4, flags=Channel.AUDIT)
    run.deliver(1, 2, 12, 2, spare=stamp_age(-8 * S))
    run.deliver(1, 3, 12.2, 2, spare=STAMP_AGE_ZERO + STAMP_AGE_MAX)
    found = run.verdict("timestamps")
    received = "The time stamp that u2 received with message {} of u1 in c1 is {}."
    assert sentences(found) == [
        is_wrong("6 s before it was first sent", where="in the history"),
        received.format(2, "8.9 s after it was known to be accepted"),
        received.format(3, "more than 5 min 27 s before it was first sent"),
    ]
    assert [witness.user for witness in found.witnesses] == [0, 2, 2]


@pytest.mark.parametrize(
    ("second_s", "behind"),
    [
        (12.1 - ALLOWED_S, []),
        (
            12.1 - ALLOWED_S - NS,
            ["2.01 s before that of message 1 of u1 in c1, which has an earlier position"],
        ),
        (12.15, []),
    ],
)
def test_stamps_do_not_go_back_along_the_positions(second_s, behind):
    """Both are possible, for the second message was sent 50 ms after the first one."""
    run = stamped(12.1, second_s, 12.2, apart_s=0.05)
    found = run.verdict("timestamps")
    assert sentences(found) == [is_wrong(what, 2) for what in behind]
    assert (found.count, found.examined) == (len(behind), 3)
    assert all(witness.messages == (1, 0) for witness in found.witnesses)


def test_the_first_stamp_of_a_message_stands_for_it():
    run = stamped(12.1, 12.1, 12.1, apart_s=0.05)
    stamp(run, 2, 33, 10.05, flags=Channel.AUDIT)
    assert sentences(run.verdict("timestamps")) == []


def test_a_stamp_outside_of_its_interval_is_not_compared_with_others():
    run = stamped(14, 10.05, 10.1, apart_s=0.05)
    found = run.verdict("timestamps")
    assert sentences(found) == [is_wrong("3.9 s after it was known to be accepted")]


def test_a_stamp_of_a_message_without_a_position_is_not_compared_with_others():
    run = stamped(10.05, 10.1, apart_s=0.05)
    run.send(1, 3, 10)
    stamp(run, 3, 10.1, 12.11)
    assert sentences(run.verdict("timestamps")) == []


def test_stamps_of_different_conversations_are_not_compared():
    run = SmallRun((1, 2), (1, 2))
    for conv, stamp_s in ((1, 12.1), (2, 8)):
        run.send(conv, 1, 10)
        stamp(run, 1, 10.1, stamp_s, conv=conv)
        run.audit(conv, 1, head=1)
    found = run.verdict("timestamps")
    assert (sentences(found), found.examined) == ([], 2)


def test_the_stamp_of_a_message_that_was_not_attempted_is_not_examined():
    """`phantom` reports what is stored or shown of it."""
    run = stamped(10)
    run.add(Kind.OP, 11, conv=1, link=1, peer=1, sseq=2, ref_ns=ns(11))
    stamp(run, 2, 12, 30)
    found = run.verdict("timestamps")
    assert (sentences(found), found.examined) == ([], 1)


@pytest.mark.parametrize("seq", [1, 2])
def test_only_the_stamps_of_a_message_that_is_stored_twice_are_left_out(seq):
    run = stamped(30, 31, 32)
    run.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=seq, seq=4, flags=Channel.AUDIT)
    found = run.verdict("timestamps")
    assert (found.count, found.examined) == (2, 2)
    assert all(f"message {seq} " not in sentence for sentence in sentences(found))


@pytest.mark.parametrize(("beyond_s", "count"), [(0, 0), (NS, 1)])
def test_the_error_of_the_clocks_counts_twice(beyond_s, count):
    run = stamped(10.1 + ALLOWED_S + 0.01 + beyond_s, 11)
    clock = {"writer": "load-0", "kind": "clock", "worker": 0, "t_ns": ns(1)}
    run.story.chaos.append(clock | {"offset_ns": 0, "error_ns": 5_000_000})
    assert run.verdict("timestamps").count == count


@pytest.mark.parametrize(
    ("stamps", "ahead_s", "clocks"),
    [
        (20, 30, " The server's clock is 30 s ahead; that is accounted for."),
        (20, -30, " The server's clock is 30 s behind; that is accounted for."),
        (19, 30, None),
        (20, 60, " The server's clock is 1 min 0 s ahead; that is accounted for."),
        (20, 60 + NS, None),
        (20, -60, " The server's clock is 1 min 0 s behind; that is accounted for."),
    ],
)
def test_a_clock_is_estimated_from_twenty_stamps_up_to_a_minute(stamps, ahead_s, clocks):
    # The middle between the attempt and the answer is 50 ms after the attempt.
    run = stamped(*(10.05 + at * 0.5 + ahead_s for at in range(stamps)), apart_s=0.5, **ELSEWHERE)
    found = run.verdict("timestamps")
    assert (found.count, found.examined) == (0 if clocks else stamps, stamps)
    count = "0" if clocks else str(stamps)
    assert found.sentence == (
        f"{count} of {stamps} messages with a time stamp were stamped with a time at which the "
        f"server cannot have accepted them.{clocks or ''}"
    )


def rounded(acked_s, stored_s, unit_s):
    """Return a run whose only message has two time stamps, of a system with this unit."""
    run = stamped(acked_s)
    stamp(run, 1, 12.0, stored_s, flags=Channel.AUDIT)
    run.traits = Traits(stamp_unit_s=unit_s)
    return run


@pytest.mark.parametrize(("acked_s", "stored_s"), [(10.05, 10.55), (10.55, 10.05)])
def test_stamps_of_a_message_that_differ_are_wrong_where_their_unit_is_declared(acked_s, stored_s):
    later, earlier = "its acknowledgement", "the history"
    if stored_s > acked_s:
        later, earlier = earlier, later
    (sentence,) = sentences(rounded(acked_s, stored_s, 0.001).verdict("timestamps"))
    assert sentence == (
        f"The time stamp of message 1 of u1 in c1 in {later} is 500 ms after the one of message 1 "
        f"of u1 in c1 in {earlier}."
    )


@pytest.mark.parametrize(
    ("stored_s", "unit_s"),
    [
        (10.55, None),  # nothing is declared
        (10.05 + 0.5 + 0.01, 0.5),  # as much as both units together
        (10.9, 1.0),  # the history has whole seconds
        (10.06, 0.001),  # less than the unit of recorded ages
    ],
)
def test_stamps_of_a_message_may_differ_by_their_unit(stored_s, unit_s):
    assert not rounded(10.05, stored_s, unit_s).verdict("timestamps").count


def test_a_delivery_shows_another_time_than_the_acknowledgement():
    run = stamped(10.05)
    run.deliver(1, 1, 10.6, 2, spare=stamp_age(S // 20))
    run.traits = Traits(stamp_unit_s=0.001)
    (sentence,) = sentences(run.verdict("timestamps"))
    assert "that u2 received with message 1 of u1 in c1 is 500 ms after the one" in sentence


def test_a_message_with_several_wrong_stamps_counts_once():
    found = rounded(4.0, 10.05, 0.001).verdict("timestamps")
    assert (found.count, len(found.witnesses)) == (1, 1)


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_the_stamps_of_each_message_are_compared_by_themselves(seq):
    run = stamped(10.05, 11.05, 12.05)
    run.traits = Traits(stamp_unit_s=0.001)
    stamp(run, seq, 20, 9.55 + seq, flags=Channel.AUDIT)
    (sentence,) = sentences(run.verdict("timestamps"))
    assert sentence.startswith(f"The time stamp of message {seq} of u1 in c1 in the history is 500")


@pytest.mark.parametrize(("beyond_s", "count"), [(0, 0), (NS, 2)])
def test_a_message_is_accepted_when_it_is_received_before_its_acknowledgement(beyond_s, count):
    received_s = 0.05
    stamps_s = [at_s + received_s + ALLOWED_S + beyond_s for at_s in (10, 11)]
    run = stamped(*stamps_s)
    for seq in (1, 2):
        run.deliver(1, seq, 9 + seq + received_s, 2)
    assert run.verdict("timestamps").count == count


@pytest.mark.parametrize(("count", "outcome"), [(4, "unknown"), (5, "valid")])
def test_five_stamps_are_needed_for_a_verdict(count, outcome):
    found = stamped(*(10.05 + at for at in range(count))).verdict("timestamps")
    assert (found.outcome, found.examined) == (outcome, count)


@pytest.mark.parametrize(
    ("unit_s", "spare", "count"),
    [
        (0.001, StampFlag.DIFFERS | StampFlag.SHOWN, 1),
        (0.001, StampFlag.SHOWN, 0),
        (None, StampFlag.DIFFERS | StampFlag.SHOWN, 0),
    ],
)
def test_a_stamp_that_the_load_has_marked_differs_however_little(unit_s, spare, count):
    run = stamped(10.05, 11.05)
    known = {"conv": 1, "link": 2, "peer": 1, "sseq": 1, "seq": 1, "spare": spare}
    run.add(Kind.STAMP, 10.1, **known, ref_ns=ns(10.052))
    run.traits = Traits(stamp_unit_s=unit_s)
    found = run.verdict("timestamps")
    assert found.count == count
    if count:
        (sentence,) = sentences(found)
        assert sentence == (
            "The time stamp that u2 received with message 1 of u1 in c1 is 2 ms after the one of "
            "message 1 of u1 in c1 in its acknowledgement."
        )


def test_an_acknowledgement_that_the_load_has_marked_differs_from_what_came_before():
    run = stamped(10.05, 11.05)
    run.add(Kind.STAMP, 10.1, conv=1, link=1, peer=1, sseq=1, seq=1, ref_ns=ns(10.052), spare=1)
    run.traits = Traits(stamp_unit_s=0.001)
    assert run.verdict("timestamps").count == 1
