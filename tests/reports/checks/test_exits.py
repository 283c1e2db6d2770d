"""exit: what counts as a departure in case of doubt, and what need not have been reported."""

import pytest

from gauntlet.core.history import Kind, RoomEvent

from ..exit_mutators import LEAVES, STAYS
from ..histories import ROOM
from ..story import MS, ZERO, S


def outcome(verdict, story):
    """Return the outcome and the number of violations."""
    found = verdict("exit", story)
    return str(found.outcome), found.count


def cut(story, user, from_s, to_s, code=1006):
    """End the user's connection, and open another one later."""
    (index,) = story.at(Kind.DISCONNECT, peer=user)
    ended = story.records[index]
    story.change(index, t_ns=ZERO + int(from_s * S), spare=code)
    (up,) = story.at(Kind.CONNECT, peer=user)
    again = ended.link + 500
    story.links[again] = type(story.links[ended.link])(
        again, user, "edge-blue-2", ZERO + int(to_s * S), ended.t_ns, 1000, 2
    )
    to_ns = ZERO + int(to_s * S)
    late = [i for i, record in enumerate(story.records) if record.link == ended.link]
    late = [i for i in late if ZERO + from_s * S < story.records[i].t_ns < ended.t_ns]
    for at in late:
        story.change(at, link=again)
    story.drop([i for i in late if story.records[i].t_ns < to_ns])
    story.records.append(story.records[up]._replace(t_ns=to_ns, ref_ns=to_ns - MS, link=again))
    story.records.append(ended._replace(link=again))


@pytest.mark.parametrize(("until_s", "expected"), [(21.5, ("valid", 0)), (14.0, ("invalid", 1))])
def test_an_absence_explains_an_exit_if_it_is_as_long_as_the_grace_period(
    good_story, break_it, verdict, until_s, expected
):
    story = good_story(1)
    break_it("report_that_a_user_left_who_stays", story)
    story.chaos.clear()
    cut(story, STAYS, 11, until_s)
    assert outcome(verdict, story) == expected


def test_a_request_explains_one_exit_only(good_story, break_it, verdict):
    story = good_story(1)
    break_it("report_that_a_user_left_who_stays", story)
    link = next(link.number for link in story.links.values() if link.user == STAYS)
    asked = {"conv": ROOM, "link": link, "peer": STAYS, "sseq": RoomEvent.EXITED}
    story.add(Kind.ATTEND, ZERO + 12 * S, **asked)
    assert outcome(verdict, story) == ("valid", 0)
    break_it("report_the_exit_of_another", story)
    assert outcome(verdict, story)[0] == "invalid"


def test_an_exit_need_not_be_reported_if_its_connection_was_lost_soon_after(
    good_story, break_it, verdict
):
    story = good_story(1)
    break_it("report_no_exit", story)
    cut(story, LEAVES, 16, 17)
    assert outcome(verdict, story) == ("valid", 0)


@pytest.mark.parametrize(
    ("effective_s", "healed_s", "expected"),
    [(14, 25, ("valid", 0)), (14, 15.5, ("invalid", 1)), (8, 9, ("invalid", 1))],
)
def test_an_exit_during_a_fault_is_due_some_time_after_the_fault(
    good_story, break_it, verdict, effective_s, healed_s, expected
):
    story = good_story(1)
    break_it("report_no_exit", story)
    times = {"requested": effective_s, "effective": effective_s, "healed": healed_s}
    for row in story.chaos:
        row["t_ns"] = ZERO + int(times.get(row["step"], healed_s) * S)
    assert outcome(verdict, story) == expected


def test_an_exit_is_not_missing_where_the_room_is_not_known_completely(
    good_story, break_it, verdict
):
    story = good_story(1)
    break_it("report_no_exit", story)
    (head,) = story.at(Kind.HEAD, conv=ROOM)
    story.change(head, seq=story.records[head].seq + 1)
    assert outcome(verdict, story)[0] == "invalid"  # they came back, and all up to that is known
    entered = story.at(Kind.AUDIT, conv=ROOM, peer=LEAVES, sseq=RoomEvent.ENTERED)
    story.drop(
        [
            i
            for i in range(len(story.records))
            if story.records[i].seq == story.records[entered[1]].seq
            and story.records[i].conv == ROOM
        ]
    )
    assert outcome(verdict, story) == ("valid", 0)


def test_other_devices_of_the_user_keep_them_in_the_room(good_story, break_it, verdict):
    story = good_story(1)
    break_it("report_no_exit", story)
    story.add_device(LEAVES)
    assert outcome(verdict, story) == ("valid", 0)


def test_a_member_who_was_connected_after_the_exit_need_not_have_been_pushed_it(
    good_story, break_it, verdict
):
    story = good_story(1)
    break_it("show_the_last_exit_to_all_but_one", story)
    assert outcome(verdict, story) == ("invalid", 1)
    cut(story, STAYS, 27, 28)
    assert outcome(verdict, story) == ("valid", 0)


def test_a_recorded_history_is_not_examined(good_story, break_it, verdict):
    story = good_story(1)
    break_it("report_that_a_user_left_who_stays", story)
    story.scenario["target"] = {"adapter": "recorded", "stack": "external", "url": ["ws://h:9"]}
    assert outcome(verdict, story) == ("not-applicable", 0)


@pytest.mark.parametrize(("ping_ms", "expected"), [(700, ("valid", 0)), (800, ("invalid", 1))])
def test_exits_are_not_examined_after_a_fault_as_long_as_a_lease(
    good_story, break_it, verdict, ping_ms, expected
):
    """The fault lasts 1.96 s, and 90 % of a lease of three pings is 1.89 s or 2.16 s."""
    story = good_story(1)
    break_it("report_that_a_user_left_who_stays", story)
    server = {"ping_ms": ping_ms}
    story.scenario["target"] = {"adapter": "reference", "stack": "embedded", "server": server}
    assert outcome(verdict, story) == expected
