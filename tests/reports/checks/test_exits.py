"""exit: what counts as a departure in case of doubt, and what need not have been reported."""

import pytest

from gauntlet.campaigns.synthetic.exit_mutators import LEAVES, STAYS
from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.story import MS, ZERO, S
from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import NS, SmallRun, sentences

ADDED, ENTERED, EXITED = RoomEvent.ADDED, RoomEvent.ENTERED, RoomEvent.EXITED


def room(*events, user=2, asked_s=None, exit_s=20.0, **scenario):
    """Return a run of a room with events of a user, which all members are shown.

    They enter at 5 s. They ask to leave at `asked_s`, if that is given.
    """
    run = SmallRun((1, 2, 3), **scenario)
    for seq, event in enumerate(events, 1):
        known = {"conv": 1, "peer": user, "sseq": event, "seq": seq}
        at_s = exit_s + seq if event == EXITED and seq > 2 else exit_s if event == EXITED else 5
        for member in (1, 2, 3):
            run.add(Kind.ROOM, at_s, **known, link=member)
        run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT | Flag.ROOM_EVENT)
    run.add(Kind.HEAD, 33, conv=1, seq=len(events))
    if asked_s is not None:
        run.add(Kind.ATTEND, asked_s, conv=1, link=user, peer=user, sseq=EXITED)
    return run


def reports(seq, what, user="u2"):
    """Return the sentence on a wrong exit."""
    return f"Position {seq} of c1 reports the exit of {user}, {what}"


STAYED = "who had not left."
ABSENT = "who was not in the room."


def stay_away(story):
    """Turn the return of the user who leaves into an event that begins no stay."""
    returned = story.at(Kind.AUDIT, conv=ROOM, peer=LEAVES, sseq=ENTERED)[-1]
    position = story.records[returned].seq
    for kind in (Kind.ROOM, Kind.RECEIVE, Kind.AUDIT):
        for index in story.at(kind, conv=ROOM, seq=position):
            story.change(index, sseq=ADDED, peer=0)


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
    stay_away(story)
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
    stay_away(story)
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
    stay_away(story)
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


@pytest.mark.parametrize(
    ("events", "asked_s", "expected"),
    [
        ((ENTERED,), None, []),
        ((ENTERED, EXITED), 19, []),
        ((ENTERED, EXITED), 20, []),
        ((ENTERED, EXITED), 20 + NS, [reports(2, STAYED)]),
        ((ENTERED, EXITED), None, [reports(2, STAYED)]),
        ((EXITED,), None, [reports(1, ABSENT)]),
        ((ADDED, EXITED), None, [reports(2, ABSENT)]),
        # To be added to the room ends no stay.
        ((ENTERED, ADDED, EXITED), 19, []),
        ((ENTERED, ADDED, EXITED), None, [reports(3, STAYED)]),
        (
            (ENTERED, EXITED, EXITED),
            19,
            [reports(3, ABSENT + " The exit before it is position 2.")],
        ),
    ],
)
def test_each_stay_ends_with_one_exit_after_a_departure(events, asked_s, expected):
    found = room(*events, asked_s=asked_s).verdict("exit")
    assert sentences(found) == expected
    assert (found.count, found.examined) == (len(expected), events.count(ENTERED))
    assert found.outcome == ("invalid" if expected else "valid")
    for witness in found.witnesses:
        assert (witness.user, len(witness.records)) == (2, 1)


@pytest.mark.parametrize(
    ("events", "statement"),
    [
        ((EXITED,), "1 report of exits is missing or wrong."),
        ((EXITED, EXITED), "2 reports of exits are missing or wrong."),
        ((EXITED, ENTERED), "1 report of exits is missing or wrong, in 1 stay in a room."),
    ],
)
def test_a_wrong_report_is_not_counted_among_stays_that_were_not_seen(events, statement):
    assert room(*events).verdict("exit").sentence == statement


@pytest.mark.parametrize("position", [2, 5])
def test_what_could_not_be_examined_is_unknown(position):
    """Positions before the exit are not known, so the user may have entered there."""
    run = room(EXITED, asked_s=None)
    for at, record in enumerate(run.story.records):
        if record.kind in (Kind.ROOM, Kind.AUDIT) and record.sseq == EXITED:
            run.story.records[at] = record._replace(seq=position)
    found = run.verdict("exit")
    assert (found.outcome, found.examined) == ("unknown", 0)
    assert found.sentence == "The run has no stays in rooms, so nothing was examined."


def test_an_exit_of_a_user_whom_the_load_does_not_have_is_named_so():
    found = room(EXITED, user=0).verdict("exit")
    assert sentences(found) == [reports(1, ABSENT, "an unknown user")]


def test_nothing_is_examined_without_stays_or_in_a_recorded_history():
    found = room(ADDED).verdict("exit")
    assert (found.outcome, found.examined) == ("not-applicable", 0)
    assert found.sentence == "No user was seen to enter a room."
    recorded = room(ENTERED, EXITED, target={"adapter": "recorded"}).verdict("exit")
    assert (recorded.outcome, recorded.examined) == ("not-applicable", 0)


@pytest.mark.parametrize(
    ("exit_s", "expected"), [(12.7 - NS, [reports(2, STAYED)]), (12.7, []), (14, [])]
)
def test_leases_may_expire_after_nine_tenths_of_their_time(exit_s, expected):
    target = {"adapter": "reference", "stack": "embedded", "server": {"ping_ms": 1000}}
    run = room(ENTERED, EXITED, exit_s=exit_s, target=target)
    run.fault(10, None)
    assert sentences(run.verdict("exit")) == expected


@pytest.mark.parametrize(("asked_s", "said"), [(8, "exited c1"), (None, "reports that u2 entered")])
def test_a_stay_without_an_end_is_reported_once(asked_s, said):
    """The user enters at 5 s, and again at 12 s; in the first case they asked to leave."""
    run = SmallRun((1, 2, 3))
    for seq, at_s in ((1, 5), (2, 12)):
        known = {"conv": 1, "peer": 2, "sseq": ENTERED, "seq": seq}
        for member in (1, 2, 3):
            run.add(Kind.ROOM, at_s, **known, link=member)
        run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT | Flag.ROOM_EVENT)
    run.add(Kind.HEAD, 33, conv=1, seq=2)
    if asked_s is not None:
        run.add(Kind.ATTEND, asked_s, conv=1, link=2, peer=2, sseq=EXITED)
    (sentence,) = sentences(run.verdict("exit"))
    assert said in sentence
