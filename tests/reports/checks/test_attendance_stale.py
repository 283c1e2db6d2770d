"""attendance-stale: when an answer about a member is certainly wrong, and when it may be right."""

import pytest

from gauntlet.campaigns.synthetic.attendance_mutators import ATTENDANCE_MUTATORS
from gauntlet.core.history import Attendance, Channel, Flag, Kind, ProbeResult, RoomEvent
from gauntlet.reports.parts.splitting import Sizes
from gauntlet.reports.verdict.judge import judge

from ..small_runs import NS, SmallRun, ns, sentences

ENTERED, EXITED, REMOVED = RoomEvent.ENTERED, RoomEvent.EXITED, RoomEvent.REMOVED
PRESENT, ABSENT = Attendance.PRESENT, Attendance.ABSENT
SERVER = {"target": {"server": {"ping_ms": 1000, "grace_ms": 4000}}}  # a lease of 3 s
HEAD_S = 60.0


class Room(SmallRun):
    """A room in which user 2 does something; user 1 sees all events, and reads the list."""

    def __init__(self, *events, message_s=40.0, **scenario):
        super().__init__((1, 2, 3), **{**SERVER, **scenario})
        self.head = 0
        for event in events:
            self.event(*event)
        self.message(message_s)
        self.story.phases["audit"] = HEAD_S - 1

    def event(self, event, at_s, user=2):
        """Show an event to user 1 at the next position."""
        self.head += 1
        known = {"conv": 1, "peer": user, "sseq": event, "seq": self.head}
        self.add(Kind.ROOM, at_s, **known, link=1)

    def message(self, at_s):
        """Let user 1 send a message, which takes the next position."""
        self.head += 1
        self.send(1, self.head, at_s)
        self.deliver(1, self.head, at_s + 0.1, 1)

    def read(self, asked_s, said, answered_s=None, user=2):
        """Let user 1 read the list, which names a user or does not."""
        known = {"conv": 1, "link": 1, "peer": user, "sseq": said, "ref_ns": ns(asked_s)}
        self.add(Kind.ATTENDANCE, asked_s + 0.01 if answered_s is None else answered_s, **known)
        return self

    def outcome(self, head_s=HEAD_S):
        """Return how many answers were wrong, and how many were examined."""
        self.add(Kind.HEAD, head_s, conv=1, seq=self.head)
        found = self.verdict("attendance-stale")
        assert found.count == len(found.witnesses)
        return found.count, found.examined


@pytest.mark.parametrize("event", [EXITED, REMOVED])
@pytest.mark.parametrize(("asked_s", "examined"), [(15, 0), (15 + NS, 1)])
def test_who_left_need_not_be_omitted_for_five_seconds(event, asked_s, examined):
    run = Room((ENTERED, 2), (event, 10)).read(asked_s, PRESENT)
    assert run.outcome() == (examined, examined)


def test_who_left_and_is_omitted_is_right():
    assert Room((ENTERED, 2), (EXITED, 10)).read(16, ABSENT).outcome() == (0, 1)


@pytest.mark.parametrize(("asked_s", "examined"), [(15, 0), (15 + NS, 1)])
def test_who_entered_need_not_be_listed_for_five_seconds(asked_s, examined):
    run = Room((ENTERED, 10)).read(asked_s, ABSENT)
    assert run.outcome() == (examined, examined)


def test_who_entered_and_is_listed_is_right():
    run = Room((ENTERED, 2)).read(16, PRESENT)
    assert run.outcome() == (0, 1)
    assert run.verdict("attendance-stale").outcome == "valid"


@pytest.mark.parametrize(
    ("first", "said", "second"), [(EXITED, PRESENT, ENTERED), (ENTERED, ABSENT, EXITED)]
)
@pytest.mark.parametrize(("sent_s", "wrong"), [(25.0, 0), (25 + NS, 1)])
def test_the_list_may_know_what_happens_within_five_seconds(first, said, second, sent_s, wrong):
    """A message was sent before the event, so that the event is later than the message."""
    run = Room((first, 2), message_s=sent_s)
    run.event(second, 30)
    assert run.read(19, said, 20).outcome() == (wrong, wrong)


@pytest.mark.parametrize(("asked_s", "said", "wrong"), [(2, PRESENT, 1), (2, ABSENT, 0)])
def test_who_has_not_entered_is_not_in_the_room(asked_s, said, wrong):
    run = Room((ENTERED, 1, 1)).read(asked_s, said, user=3)
    assert run.outcome() == (wrong, 1)
    assert (
        sentences(run.verdict("attendance-stale"))
        == ["u3 had not entered c1; the list that was requested at 2 s names them."] * wrong
    )


@pytest.mark.parametrize(("sent_s", "wrong"), [(25.0, 0), (25 + NS, 1)])
def test_who_is_about_to_enter_may_be_listed_five_seconds_before(sent_s, wrong):
    run = Room((ENTERED, 1, 1), message_s=sent_s)
    run.event(ENTERED, 30)
    assert run.read(19, PRESENT, 20).outcome() == (wrong, wrong)


def test_who_entered_at_an_unknown_position_may_be_listed():
    run = Room(message_s=1)
    run.head += 1
    run.event(ENTERED, 3, 1)
    run.message(40)
    run.read(20, PRESENT, user=3)
    assert run.outcome() == (0, 0)
    assert run.verdict("attendance-stale").outcome == "not-applicable"


@pytest.mark.parametrize("event", [RoomEvent.ADDED, EXITED])
def test_where_no_entry_is_reported_members_may_be_listed_without_one(event):
    run = Room((event, 2, 1)).read(20, PRESENT, user=3)
    assert run.outcome() == (0, 0)


def test_who_entered_at_a_position_that_is_deleted_may_be_listed():
    run = Room()
    for index in run.story.at(Kind.ACK) + run.story.at(Kind.DELIVER):
        run.story.change(index, seq=3)
    run.head = 1
    run.event(ENTERED, 3, 1)
    run.head = 3
    assert run.read(20, PRESENT, user=3).outcome() == (0, 0)


def test_entries_into_another_room_say_nothing_about_this_one():
    run = Room(message_s=1)
    run.story.convs[2] = {"name": "c2", "workload": "group", "members": [1, 2, 3]}
    run.add(Kind.ROOM, 2, conv=2, peer=1, sseq=ENTERED, seq=1, link=1)
    assert run.read(20, PRESENT, user=3).outcome() == (0, 0)


def test_an_acknowledgement_with_a_wrong_position_says_nothing_about_that_position():
    """The message is at position 3, and position 2 may hold the entry of user 3."""
    run = Room((ENTERED, 1, 1), message_s=1)
    (shown,) = run.story.at(Kind.DELIVER)
    run.story.change(shown, seq=3)
    run.head = 3
    run.message(40)
    assert run.read(20, PRESENT, user=3).outcome() == (0, 0)
    (index, _) = run.story.at(Kind.ACK)
    run.story.change(index, seq=3)
    run.deliver(1, 2, 3, 1, sseq=9)
    assert run.outcome() == (1, 1)


def test_a_message_was_sent_before_what_follows_its_stored_position():
    """Its acknowledgement states position 2, but it is at position 3, behind the entry."""
    run = Room((EXITED, 2), message_s=30)
    (shown,) = run.story.at(Kind.DELIVER)
    run.story.change(shown, seq=3)
    run.event(ENTERED, 29.9)  # at position 3
    (entered,) = run.story.at(Kind.ROOM, sseq=ENTERED)
    run.story.change(entered, seq=2)
    assert run.read(20, PRESENT).outcome() == (0, 0)


def test_an_event_without_a_message_before_it_may_have_happened_long_before_it_was_seen():
    run = Room((EXITED, 2), message_s=1)
    run.event(ENTERED, 50)
    assert run.read(20, PRESENT).outcome() == (0, 0)


def test_what_follows_two_messages_follows_the_one_that_was_sent_later():
    run = Room((EXITED, 2), message_s=40)
    run.message(21)
    run.event(ENTERED, 50)
    assert run.read(20, PRESENT).outcome() == (1, 1)


def test_a_message_without_a_position_is_nowhere():
    run = Room((EXITED, 2), message_s=30)
    run.send(1, 9, 50, end=Kind.UNKNOWN)
    run.event(ENTERED, 55)
    assert run.read(20, PRESENT).outcome() == (1, 1)


@pytest.mark.parametrize("handed", [True, False])
def test_a_message_that_was_never_attempted_proves_no_time(handed):
    run = Room((EXITED, 2), message_s=1)
    run.head += 1
    known = {"conv": 1, "peer": 1, "sseq": 9, "ref_ns": ns(40)}
    if handed:
        run.add(Kind.OP, 40, **known, link=1)
    run.add(Kind.AUDIT, HEAD_S, **known, seq=run.head, flags=Channel.AUDIT)
    run.event(ENTERED, 55)
    assert run.read(20, PRESENT).outcome() == (0, 0)


def test_a_message_of_another_room_proves_nothing():
    run = Room((EXITED, 2), message_s=1)
    run.story.convs[2] = {"name": "c2", "workload": "group", "members": [1, 2]}
    run.send(2, 2, 40)
    run.deliver(2, 2, 40.1, 1)
    run.event(ENTERED, 55)
    assert run.read(20, PRESENT).outcome() == (0, 0)


@pytest.mark.parametrize(("head_s", "wrong"), [(25.0 - NS, 0), (25.0, 1)])
def test_the_audit_shows_that_nothing_else_happened_if_it_is_late_enough(head_s, wrong):
    run = Room((EXITED, 2), message_s=1)
    run.story.phases["audit"] = 24
    assert run.read(19, PRESENT, 20).outcome(head_s) == (wrong, wrong)


def test_a_position_with_unknown_content_may_hold_another_event():
    run = Room((EXITED, 2))
    run.head += 1
    run.message(41)
    known = run.read(20, PRESENT).outcome()
    assert known == (1, 1)  # the unknown position comes after what was sent at 40 s
    run = Room(message_s=1)
    run.event(EXITED, 2)
    run.head += 1
    run.message(40)
    run.read(20, PRESENT)
    assert run.outcome() == (0, 0)
    found = run.verdict("attendance-stale")
    assert (found.outcome, found.sentence) == (
        "unknown", "Of no room that was read are all events known, so nothing was examined."
    )  # fmt: skip


@pytest.mark.parametrize(("asked_s", "wrong"), [(16.0, 0), (16 + NS, 1)])
def test_a_fault_excuses_what_is_answered_until_ten_seconds_after_its_heal(asked_s, wrong):
    run = Room((EXITED, 2))
    run.fault(3, 6)
    assert run.read(asked_s, PRESENT).outcome() == (wrong, wrong)


@pytest.mark.parametrize(("fault_s", "wrong"), [(25.0, 0), (25 + NS, 1)])
def test_a_fault_excuses_what_is_answered_within_five_seconds_before_it(fault_s, wrong):
    run = Room((EXITED, 2))
    run.fault(fault_s, None)
    assert run.read(19, PRESENT, 20).outcome() == (wrong, wrong)


@pytest.mark.parametrize(("asked_s", "wrong"), [(4.0, 1), (4.5, 0), (25.0, 0), (25.1, 1)])
def test_who_asks_to_exit_may_be_omitted_as_soon_as_they_ask(asked_s, wrong):
    """A request from before they entered is done, and one after the answer does not matter."""
    run = Room((ENTERED, 9.5))
    run.add(Kind.ATTEND, asked_s, conv=1, link=2, peer=2, sseq=EXITED)
    assert run.read(19, ABSENT, 20).outcome() == (wrong, wrong)


@pytest.mark.parametrize(
    ("asked_s", "answered_s", "result", "wrong"),
    [
        (3, 4, ProbeResult.GRANTED, 1),
        (3, 4.5 - NS, ProbeResult.GRANTED, 1),
        (3, 4.5, ProbeResult.GRANTED, 0),
        (3, 10, ProbeResult.GRANTED, 0),
        (3, 4, ProbeResult.UNKNOWN, 0),
        (25.0, 26, ProbeResult.GRANTED, 0),
        (25.1, 26, ProbeResult.GRANTED, 1),
    ],
)
def test_who_is_being_removed_may_be_omitted(asked_s, answered_s, result, wrong):
    """A request without an answer may take effect at any later time."""
    run = Room((ENTERED, 9.5))
    known = {"conv": 1, "link": 1, "peer": 2, "sseq": REMOVED, "spare": result}
    run.add(Kind.MEMBERSHIP, answered_s, **known, ref_ns=ns(asked_s))
    assert run.read(19, ABSENT, 20).outcome() == (wrong, wrong)


@pytest.mark.parametrize(
    ("lost_s", "back_s", "asked_s", "wrong"),
    [
        (10, 10.5, 25, 0),
        (10, 10.5, 25 + NS, 1),
        (20, 10, 29, 0),
        (40.01, 41, 35, 1),
        (40, 30, 35, 0),
    ],
)
def test_a_lost_connection_matters_until_its_lease_is_over(lost_s, back_s, asked_s, wrong):
    """The grace period of 4 s and twice the lease of 3 s end 10 s later, and the margin is 5 s."""
    run = Room((ENTERED, 2))
    run.disconnect(2, lost_s)
    run.connect(2, back_s, link=4)
    run.deliver(1, run.head, 45, 2)  # a push on the first connection: it was alive to its end
    assert run.read(asked_s, ABSENT).outcome() == (wrong, wrong)


def test_on_a_system_with_unknown_times_a_lost_connection_matters_for_good():
    run = Room((ENTERED, 2), target={"stack": "external", "url": ["ws://127.0.0.1:9"]})
    run.disconnect(2, 6)
    run.connect(2, 6.5, link=4)
    assert run.read(35, ABSENT).outcome() == (0, 0)


def away(run, left_s, *, code=1000, decided_s=None):
    """Let user 2 go away on purpose."""
    decided_s = left_s if decided_s is None else decided_s
    run.add(Kind.OFFLINE, decided_s, link=2, peer=2)
    run.add(Kind.DISCONNECT, left_s, link=2, peer=2, spare=code)
    return run


@pytest.mark.parametrize(("asked_s", "wrong"), [(25.0, 0), (25 + NS, 1)])
def test_who_went_away_must_be_omitted_after_the_grace_period_and_two_leases(asked_s, wrong):
    run = away(Room((ENTERED, 2)), 10).read(asked_s, PRESENT)
    assert run.outcome() == (wrong, wrong)


@pytest.mark.parametrize(("healed_s", "wrong"), [(5.0, 0), (5.0 - NS, 1)])
def test_who_went_away_just_after_a_fault_may_be_listed_for_longer(healed_s, wrong):
    run = away(Room((ENTERED, 2)), 10)
    run.fault(3, healed_s)
    assert run.read(30, PRESENT).outcome() == (wrong, wrong)


def test_who_decided_to_go_a_second_before_and_went_before_went_on_purpose():
    run = away(Room((ENTERED, 2)), 10, decided_s=9.0)
    run.add(Kind.OFFLINE, 5, link=2, peer=2)
    assert run.read(30, PRESENT).outcome() == (1, 1)


def test_who_has_been_connected_since_just_before_the_margin_must_be_listed():
    run = Room((ENTERED, 10))
    run.disconnect(2, 0.5)
    run.connect(2, 25, link=4)
    assert run.read(30, ABSENT).outcome() == (1, 1)


@pytest.mark.parametrize("how", [{"code": 1006}, {"decided_s": 8.9}])
def test_whose_connection_was_lost_may_be_listed_for_longer(how):
    run = away(Room((ENTERED, 2)), 10, **how).read(30, PRESENT)
    assert run.outcome() == (0, 0)


@pytest.mark.parametrize(("dialled_s", "wrong"), [(30.0, 0), (30.1, 1)])
def test_who_comes_back_may_be_listed_from_when_they_dial(dialled_s, wrong):
    run = away(Room((ENTERED, 2)), 10)
    run.connect(2, 31, link=4)
    (index,) = run.story.at(Kind.CONNECT, link=4)
    run.story.change(index, ref_ns=ns(dialled_s))
    assert run.read(29, PRESENT, 30).outcome() == (wrong, wrong)


@pytest.mark.parametrize(
    ("concerns", "failed_s", "seconds", "wrong"),
    [
        ("connect", (20, 25), (), 0),
        ("connect", (9, 9), (), 0),
        ("connect", (30.1, 31), (), 1),
        ("connect", (2, 8.9), (), 1),
        ("http", (20, 25), (), 1),
        # In each of these seconds.
        ("connect", (2, 35), (2, 31), 1),
        ("connect", (2, 35), (2, 20), 0),
        ("connect", (2, 35), (8, 31), 0),
        ("connect", (2, 35), (2, 30), 0),
        ("connect", (2, 35), (2,), 0),
    ],
)
def test_who_may_have_dialled_without_success_may_be_listed(concerns, failed_s, seconds, wrong):
    """The server may have accepted a connection that its client could not use."""
    run = away(Room((ENTERED, 2)), 10).read(29.9, PRESENT, 30)
    first_ns, last_ns = map(ns, failed_s)
    row = {"kind": "error-count", "writer": "load-0", "concerns": concerns, "text": "refused"}
    row |= {"t_ns": ns(60), "count": 2, "first_ns": first_ns, "last_ns": last_ns}
    row["seconds"] = [(round(ns(second) * NS), 1) for second in seconds]
    run.story.chaos.append(row)
    assert run.outcome() == (wrong, wrong)


def test_the_sentences_say_what_happened_and_what_the_list_says():
    run = away(Room((ENTERED, 2), (ENTERED, 4, 3), (REMOVED, 10, 1)), 10)
    run.read(16, PRESENT, user=1).read(20, ABSENT, user=3).read(32, PRESENT)
    found = run.verdict("attendance-stale")
    assert found.sentence == "3 of 3 answers on who is in a room are wrong."
    later, gone = "the list that was requested", "then went away and had no connection any more"
    assert sentences(found) == [
        f"u1 was removed from c1 at position 3; {later} 6 s later names them.",
        f"u3 entered c1 at position 2; {later} 16 s later does not name them.",
        f"u2 entered c1 at position 1, {gone}; {later} 30 s later names them.",
    ]
    assert [witness.user for witness in found.witnesses] == [1, 1, 1]
    assert found.times_ns.tolist() == [ns(16.01), ns(20.01), ns(32.01)]


def test_a_run_in_which_nothing_was_read_is_not_judged():
    found = Room((ENTERED, 2)).verdict("attendance-stale")
    assert (found.outcome, found.sentence) == (
        "not-applicable", "No list of who is in a room was read."
    )  # fmt: skip


def test_a_load_that_is_too_short_to_examine_anything_is_not_judged():
    run = Room((ENTERED, 2)).read(6, PRESENT)
    found = run.verdict("attendance-stale")
    assert found.outcome == "not-applicable"
    assert "5 s before and after any change" in found.sentence


@pytest.mark.parametrize("asked_s", [2.1, 9], ids=["after-a-change", "in-a-fault"])
def test_a_list_that_cannot_be_examined_was_read_also_if_no_list_is_in_the_first_parts(
    written, good_story, asked_s
):
    story = good_story(2)
    only, *others = story.at(Kind.ATTENDANCE)
    story.change(only, ref_ns=ns(asked_s), t_ns=ns(asked_s))
    story.drop(others)
    run = written(story)
    whole, parts = judge(run), judge(run, Sizes(part=500, batch=1500))
    name = "attendance-stale"
    (one,), (two,) = ([c for c in each["checks"] if c["id"] == name] for each in (whole, parts))
    assert (one["verdict"], one["sentence"][:40]) == (
        "not-applicable", "No list of who is in a room was read at "
    )  # fmt: skip
    assert one == two


def test_a_system_without_such_a_list_is_not_judged():
    run = Room((ENTERED, 2), (EXITED, 10)).read(16, PRESENT)
    run.without = "attendance"
    found = run.verdict("attendance-stale")
    assert found.outcome == "not-applicable"
    assert "`attendance`" in found.sentence


def test_what_is_stored_counts_and_not_what_a_push_showed():
    """The exit of user 3 was pushed as that of user 2, who stays."""
    run = Room((ENTERED, 2), (EXITED, 10)).read(20, PRESENT)
    (shown,) = run.story.at(Kind.ROOM, seq=2)
    stored = run.story.records[shown]._replace(peer=3, link=0, t_ns=ns(HEAD_S))
    run.story.records.append(
        stored._replace(kind=Kind.AUDIT, flags=Channel.AUDIT | Flag.ROOM_EVENT)
    )
    assert run.outcome() == (0, 1)


@pytest.mark.parametrize("mutate", ATTENDANCE_MUTATORS, ids=lambda mutate: mutate.__name__)
def test_a_wrong_list_is_a_violation_also_where_the_history_is_judged_in_parts(
    good_story, written, mutate
):
    story = good_story(2)
    mutate(story)
    run = written(story)
    whole, parts = judge(run), judge(run, Sizes(part=500, batch=1500))
    name = "attendance-stale"
    (one,), (two,) = ([c for c in each["checks"] if c["id"] == name] for each in (whole, parts))
    assert one["verdict"] == "invalid"
    assert one == two


def test_an_answer_that_cannot_be_examined_does_not_prevent_that_others_are():
    run = Room((ENTERED, 2))
    assert run.read(3, PRESENT).read(20, PRESENT).outcome() == (0, 1)


@pytest.mark.parametrize(("conv", "user", "examined"), [(1, 2, 0), (1, 3, 1), (2, 2, 1), (2, 3, 1)])
def test_only_their_own_removal_from_the_room_explains_that_a_user_is_omitted(conv, user, examined):
    run = Room((ENTERED, 2))
    asked = {"peer": user, "sseq": REMOVED, "spare": ProbeResult.REFUSED}
    run.add(Kind.MEMBERSHIP, 21, conv=conv, link=1, **asked, ref_ns=ns(19))
    assert run.read(20, ABSENT).outcome() == (examined, examined)


def test_who_went_away_from_a_system_with_unknown_times_may_be_listed():
    target = {"target": {"stack": "external", "url": ["ws://127.0.0.1:9"]}}
    run = Room((ENTERED, 2), **target)
    run.add(Kind.OFFLINE, 10, link=2, peer=2)
    run.add(Kind.DISCONNECT, 10, link=2, peer=2, spare=1000)
    assert run.read(30, PRESENT).outcome() == (0, 0)


def test_who_enters_after_the_first_message_of_a_room_was_not_in_it_before():
    run = Room(message_s=30)
    run.event(ENTERED, 50)
    assert run.read(20, PRESENT).outcome() == (1, 1)


@pytest.mark.parametrize(("asked_s", "examined"), [(31.5, 0), (31.5 + NS, 1)])
def test_by_clocks_that_differ_a_request_to_exit_may_have_been_made_earlier(asked_s, examined):
    """The list is answered at 25 s, and may know what happens in the next five seconds."""
    run = Room((ENTERED, 2))
    run.declare(clock_error_ns=1_500_000_000)
    run.add(Kind.ATTEND, asked_s, conv=1, link=2, peer=2, sseq=EXITED)
    assert run.read(20, ABSENT, answered_s=25).outcome() == (examined, examined)


@pytest.mark.parametrize(("head_s", "wrong"), [(26.5 - NS, 0), (26.5, 1)])
def test_by_clocks_that_differ_the_audit_may_have_read_earlier(head_s, wrong):
    run = Room((EXITED, 2), message_s=1)
    run.story.phases["audit"] = 24
    run.declare(clock_error_ns=1_500_000_000)
    assert run.read(19, PRESENT, 20).outcome(head_s) == (wrong, wrong)


@pytest.mark.parametrize(("asked_s", "wrong"), [(26.5, 0), (26.5 + NS, 1)])
def test_by_clocks_that_differ_a_lost_connection_matters_for_longer(asked_s, wrong):
    """It was lost at 10 s, and matters for 15 s by clocks that agree."""
    run = Room((ENTERED, 2))
    run.declare(clock_error_ns=1_500_000_000)
    run.disconnect(2, 10)
    run.connect(2, 10.5, link=4)
    run.deliver(1, run.head, 45, 2)  # a push on the first connection: it was alive to its end
    assert run.read(asked_s, ABSENT).outcome() == (wrong, wrong)


def test_of_who_went_away_nothing_is_certain_where_an_unknown_position_may_hold_an_event():
    run = away(Room((ENTERED, 2), message_s=1), 10)
    run.connect(2, 45, link=4)
    run.event(ENTERED, 50)
    assert run.read(30, PRESENT).outcome() == (0, 0)


def test_who_exited_before_they_went_away_is_listed_in_spite_of_their_exit():
    run = away(Room((ENTERED, 2), (EXITED, 5)), 10).read(32, PRESENT)
    assert run.outcome() == (1, 1)
    (said,) = sentences(run.verdict("attendance-stale"))
    assert said == (
        "u2 exited c1 at position 2; the list that was requested 27 s later names them."
    )
