"""Time stamps of the server: what is possible, and how the difference of two clocks is found."""

import pytest

from gauntlet.campaigns.synthetic.story import S
from gauntlet.core.history import (
    STAMP_AGE_MAX,
    STAMP_AGE_UNIT_NS,
    STAMP_AGE_ZERO,
    Channel,
    Kind,
    stamp_age,
)
from gauntlet.reports import checks


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
