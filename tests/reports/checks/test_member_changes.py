"""A run in which a member is removed and added again: what each check expects of it."""

import pytest

from gauntlet.campaigns.synthetic.member_changes import (
    ADDED_S,
    MOVER,
    OTHER,
    REMOVED_S,
    ROOM,
    changing_room,
    position_of,
)
from gauntlet.campaigns.synthetic.story import MS, ZERO, Link, S
from gauntlet.core.history import (
    STRANGER_SSEQ,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    RoomEvent,
)


@pytest.fixture
def story():
    """A correct run without faults."""
    return changing_room()


def pushes(made, from_s, to_s, link=MOVER):
    """Return the deliveries to a user in a time."""
    return [
        at
        for at in made.at(Kind.DELIVER, link=link)
        if ZERO + from_s * S <= made.records[at].t_ns < ZERO + to_s * S
    ]


def reconnect(story, lost_s, back_s):
    """Let the moved user lose the connection, and continue on another one later."""
    (down,) = story.at(Kind.DISCONNECT, link=MOVER)
    ended, again, back_ns = story.records[down], 9, ZERO + back_s * S
    story.change(down, t_ns=ZERO + round(lost_s * S), spare=1006)
    story.links[again] = Link(again, MOVER, "edge-blue-1", back_ns, ended.t_ns, 1000, 2)
    for at in [at for at, record in enumerate(story.records) if record.link == MOVER]:
        if back_ns < story.records[at].t_ns < ended.t_ns:
            story.change(at, link=again)
    story.add(Kind.CONNECT, back_ns, link=again, peer=MOVER, ref_ns=back_ns - S)
    story.records.append(ended._replace(link=again))


def outcome(verdict, check, made):
    """Return a check's outcome and its number of violations."""
    made.reconcile()
    found = verdict(check, made)
    return str(found.outcome), found.count


CHECKS = (
    "undelivered", "misdelivery", "access", "wire-order", "history-gap", "position", "exit",
    "divergent-order", "phantom",
)  # fmt: skip


def test_a_correct_run_has_no_violation(verdict, story):
    for check in CHECKS:
        assert outcome(verdict, check, story)[0] in ("valid", "not-applicable", "unknown"), check
    assert outcome(verdict, "undelivered", story) == ("valid", 0)
    assert outcome(verdict, "misdelivery", story) == ("valid", 0)


@pytest.mark.parametrize(("from_s", "to_s"), [(6, 7), (18, 19)])
def test_a_member_is_owed_what_is_sent_before_and_after_the_changes(verdict, story, from_s, to_s):
    lost = pushes(story, from_s, to_s)
    story.drop(lost)
    assert outcome(verdict, "undelivered", story) == ("invalid", len(lost))


def test_a_message_of_the_last_second_before_the_removal_is_not_owed(verdict, story):
    story.drop(pushes(story, REMOVED_S - 1, REMOVED_S))
    assert outcome(verdict, "undelivered", story) == ("valid", 0)


def test_other_members_are_owed_what_is_sent_during_a_change(verdict, story):
    lost = pushes(story, REMOVED_S, ADDED_S, OTHER)
    assert lost
    story.drop(lost)
    assert outcome(verdict, "undelivered", story) == ("invalid", len(lost))


def test_a_message_while_a_user_is_removed_must_not_reach_them(verdict, story):
    (at,) = pushes(story, 14, 14.5, OTHER)
    story.records.append(story.records[at]._replace(link=MOVER))
    assert outcome(verdict, "misdelivery", story) == ("invalid", 1)


def test_a_removal_that_the_server_granted_and_forgot_still_counts(verdict, story):
    (removed,) = story.at(Kind.AUDIT, sseq=RoomEvent.REMOVED, peer=MOVER)
    story.drop([removed, *story.at(Kind.RANGE, peer=MOVER)])
    story.add(Kind.RANGE, ZERO + 33 * S, conv=ROOM, peer=MOVER, seq=MOVER)
    (at,) = pushes(story, 14, 14.5, OTHER)
    story.records.append(story.records[at]._replace(link=MOVER))
    assert outcome(verdict, "misdelivery", story) == ("invalid", 1)


def test_a_removed_user_who_is_answered_violates_access(verdict, story):
    (probe,) = story.at(Kind.PROBE, sseq=Probe.HISTORY)
    story.change(probe, spare=ProbeResult.GRANTED, seq=9)
    assert outcome(verdict, "access", story) == ("invalid", 1)


@pytest.mark.parametrize(("at_s", "violations"), [(14, 1), (18, 0)])
def test_a_refused_message_of_a_removed_user_may_only_be_stored_after_they_were_added_again(
    verdict, story, at_s, violations
):
    (at,) = pushes(story, at_s, at_s + 0.5, OTHER)
    seq = story.records[at].seq
    (stored,) = story.at(Kind.AUDIT, seq=seq)
    story.records.append(
        story.records[stored]._replace(peer=MOVER, sseq=STRANGER_SSEQ, t_ns=ZERO + 60 * S)
    )
    assert outcome(verdict, "access", story)[1] == violations


def test_a_user_who_was_not_connected_until_the_removal_is_owed_nothing(verdict, story):
    """They can read nothing afterwards."""
    story.drop(pushes(story, 8, REMOVED_S))
    assert outcome(verdict, "undelivered", story)[0] == "invalid"
    story.drop(story.at(Kind.ROOM, link=MOVER, sseq=RoomEvent.REMOVED))
    reconnect(story, lost_s=7.9, back_s=13)
    assert outcome(verdict, "undelivered", story) == ("valid", 0)


def test_a_user_who_returned_long_before_the_removal_is_owed_what_they_missed(verdict, story):
    lost = pushes(story, 4, 5)
    story.drop(lost)
    reconnect(story, lost_s=3.9, back_s=5)
    assert outcome(verdict, "undelivered", story) == ("invalid", len(lost))


@pytest.mark.parametrize(("healed_s", "expected"), [(6.5, "invalid"), (11, "valid")])
def test_a_fault_that_lasts_until_the_removal_excuses_what_is_missing(
    verdict, story, healed_s, expected
):
    story.drop(pushes(story, 6, 6.5))
    story.scenario["faults"] = [
        {"id": "cut", "kind": "partition", "target": "client>edge", "at": 5, "for": 2}
    ]
    times = {"requested": 5, "effective": 5, "heal-requested": healed_s, "healed": healed_s}
    for step, at_s in times.items():
        story.chaos.append(
            {
                "t_ns": ZERO + int(at_s * S), "kind": "fault", "id": "cut", "fault": "partition",
                "target": "client>edge", "step": step, "proof": {}, "detail": {},
            }
        )  # fmt: skip
    assert outcome(verdict, "undelivered", story)[0] == expected


@pytest.mark.parametrize(("arrived_s", "violations"), [(REMOVED_S, 3), (REMOVED_S - 0.001, 0)])
def test_a_push_that_the_inbox_could_not_keep_until_the_removal_was_received(
    verdict, story, arrived_s, violations
):
    """It waited for an earlier one with so many others that the inbox had no room for it."""
    lost = pushes(story, 8, 9.5)
    for at in lost:
        record = story.records[at]
        t_ns = ZERO + round(arrived_s * S)
        story.records.append(record._replace(kind=Kind.ARRIVED, t_ns=t_ns, spare=9))
    story.drop(lost)
    assert outcome(verdict, "undelivered", story)[1] == violations


def test_a_page_of_a_user_who_was_added_again_begins_there(verdict, story):
    """The server does not show what they could read before they were removed."""
    t_ns, head = ZERO + 17 * S, position_of(RoomEvent.ADDED, MOVER)
    lost = pushes(story, REMOVED_S - 1, REMOVED_S)
    before = min(story.records[at].seq for at in lost) - 1
    story.drop(lost)
    story.add(Kind.PAGE, t_ns, ref_ns=t_ns - MS, conv=ROOM, link=MOVER, peer=1, sseq=head,
              seq=before, spare=PageFlag.LAST)  # fmt: skip
    assert outcome(verdict, "history-gap", story)[0] == "valid"
    (own,) = story.at(Kind.ROOM, link=MOVER, seq=head)
    story.drop([own])
    assert outcome(verdict, "history-gap", story)[0] == "invalid"


def forget_the_request(story, *, ended=True):
    """Remove the request to remove the member, and what the audit states of their first range."""
    removals = story.at(Kind.MEMBERSHIP, peer=MOVER, sseq=RoomEvent.REMOVED)
    ended = [at for at in story.at(Kind.RANGE, peer=MOVER) if story.records[at].sseq and ended]
    story.drop([*removals, *ended])


@pytest.mark.parametrize("ended", [True, False])
def test_a_member_who_was_removed_without_a_request_is_still_one(verdict, story, ended):
    """The audit states a range for each removal that is stored, whatever caused it."""
    forget_the_request(story, ended=ended)
    removed = position_of(RoomEvent.REMOVED, MOVER)
    found = verdict("exit", story)
    assert found.sentence == "1 report of exits is missing or wrong."
    (witness,) = found.witnesses
    assert witness.sentence == (
        f"Position {removed} of r.den reports the removal of u0-3, "
        "which the load had not requested."
    )
    owed = [at for at in story.at(Kind.ACK) if removed < story.records[at].seq]
    returned = position_of(RoomEvent.ADDED, MOVER)
    owed = [at for at in owed if story.records[at].seq < returned]
    assert verdict("undelivered", story).count == len(owed) > 0


def test_requests_that_are_not_recorded_may_have_removed_a_member(verdict, story):
    """Loads of older versions recorded none, and one that is cut short may not record the last."""
    forget_the_request(story)
    del story.reconciliation["removals"]
    assert verdict("exit", story).count == verdict("undelivered", story).count == 0


def test_each_request_explains_one_removal(verdict, story):
    again = position_of(RoomEvent.ADDED, MOVER)
    for kind in (Kind.ROOM, Kind.AUDIT):
        for index in story.at(kind, seq=again):
            story.change(index, sseq=RoomEvent.REMOVED)
    (witness,) = verdict("exit", story).witnesses
    assert witness.sentence.startswith(f"Position {again} of r.den reports the removal")


def test_a_removal_before_its_request_is_not_explained(verdict, story):
    (request,) = story.at(Kind.MEMBERSHIP, sseq=RoomEvent.REMOVED)
    known = story.records[request]
    story.change(request, ref_ns=known.ref_ns + 13 * MS)
    assert verdict("exit", story).count == 0
    story.change(request, ref_ns=known.ref_ns + 13 * MS + 1)
    assert verdict("exit", story).count == 1
