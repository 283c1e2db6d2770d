"""A run in which a member is removed and added again: what each check expects of it."""

import pytest

from gauntlet.campaigns.synthetic.story import MS, RAMP_S, STEADY_S, ZERO, Link, S, Story
from gauntlet.core.history import (
    STRANGER_SSEQ,
    Channel,
    Flag,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    RoomEvent,
)

ROOM, CREATOR, OTHER, MOVER = 1, 1, 2, 3
REMOVED_S, ADDED_S = 12.0, 16.0
NAMES = {user: f"u0-{user}" for user in (CREATOR, OTHER, MOVER)}
EVENTS = (
    *((1 + user * 0.01, RoomEvent.ADDED, user) for user in NAMES),
    (REMOVED_S + 0.01, RoomEvent.REMOVED, MOVER),
    (ADDED_S + 0.01, RoomEvent.ADDED, MOVER),
)
# The creator sends every half a second. The others send nothing.
SENDS_S = tuple(RAMP_S + 0.25 + at / 2 for at in range(2 * STEADY_S - 1))


@pytest.fixture
def story():
    """A correct run without faults."""
    made = Story()
    made.scenario["faults"], made.scenario["sla"] = [], []
    end_s = RAMP_S + STEADY_S
    made.phases = {
        "ramp": 0, "steady": RAMP_S, "quiesce": end_s, "audit": end_s + 6, "flushed": end_s + 7,
    }  # fmt: skip
    made.users = dict(NAMES)
    made.convs[ROOM] = {"name": "r.den", "workload": "member_changes", "members": [*NAMES]}
    for user in NAMES:
        up, down = ZERO + user * MS, ZERO + int((end_s + 6.5) * S)
        made.links[user] = Link(user, user, "edge-blue-1", up, down, 1000, 1)
        made.add(Kind.CONNECT, up, ref_ns=up - MS, link=user, peer=user)
        made.add(Kind.DISCONNECT, down, link=user, peer=user, spare=1000)
    add_entries(made)
    add_changes(made)
    made.reconcile()
    return made


def entries():
    """Return (second, RoomEvent or 0, subject or sender) of all entries in order."""
    return sorted((*EVENTS, *((at_s + 0.005, 0, CREATOR) for at_s in SENDS_S)))


def position_of(event, user):
    """Return the last position of an event of a user."""
    found = [seq for seq, (_, kind, who) in enumerate(entries(), 1) if (kind, who) == (event, user)]
    return found[-1]


def add_entries(made):
    """Add the ops, what the members are pushed, and the audit."""
    joined = {user: user for user in NAMES}
    removed, added = position_of(RoomEvent.REMOVED, MOVER), position_of(RoomEvent.ADDED, MOVER)
    audit_ns = ZERO + (RAMP_S + STEADY_S + 6) * S + MS
    sent = 0
    for seq, (at_s, event, user) in enumerate(entries(), 1):
        t_ns = ZERO + int(at_s * S)
        fields = {"conv": ROOM, "peer": user, "seq": seq, "sseq": event}
        if not event:
            sent += 1
            intended_ns = t_ns - 5 * MS
            fields |= {"sseq": sent, "ref_ns": intended_ns}
            own = {name: fields[name] for name in ("conv", "peer", "sseq", "ref_ns")}
            made.add(Kind.OP, intended_ns, link=user, **own)
            made.add(Kind.ATTEMPT, intended_ns + MS, link=user, spare=1, **own)
            made.add(Kind.ACK, t_ns + MS, link=user, seq=seq, spare=1, **own)
        for reader in NAMES:
            gone = reader == MOVER and removed < seq < added
            if joined[reader] <= seq and not gone:
                kind = Kind.ROOM if event else Kind.DELIVER
                made.add(kind, t_ns + 3 * MS, link=reader, **fields)
        flags = Channel.AUDIT | (Flag.ROOM_EVENT if event else 0)
        made.add(Kind.AUDIT, audit_ns, flags=flags, **fields)
    head = len(entries())
    made.add(Kind.HEAD, audit_ns + MS, conv=ROOM, seq=head)
    made.add(Kind.PAGE, audit_ns, ref_ns=audit_ns - MS, conv=ROOM, peer=head, sseq=head,
             spare=PageFlag.LAST)  # fmt: skip
    for user, first, last in (
        *((user, user, 0) for user in (CREATOR, OTHER)), (MOVER, added, 0), (MOVER, MOVER, removed)
    ):  # fmt: skip
        made.add(Kind.RANGE, audit_ns, conv=ROOM, peer=user, seq=first, sseq=last)


def add_changes(made):
    """Add the requests of the creator, and what the removed user tries meanwhile."""
    common = {"conv": ROOM, "link": CREATOR, "peer": MOVER, "spare": ProbeResult.GRANTED}
    for at_s, event in ((REMOVED_S, RoomEvent.REMOVED), (ADDED_S, RoomEvent.ADDED)):
        asked_ns, seq = ZERO + int(at_s * S), position_of(event, MOVER)
        made.add(
            Kind.MEMBERSHIP, asked_ns + 15 * MS, ref_ns=asked_ns, sseq=event, seq=seq, **common
        )
    tried_ns = ZERO + 13 * S
    for probe, number in ((Probe.HISTORY, 0), (Probe.SEND, STRANGER_SSEQ)):
        made.add(
            Kind.PROBE, tried_ns + MS, ref_ns=tried_ns, conv=ROOM, link=MOVER, peer=number,
            sseq=probe, spare=ProbeResult.REFUSED,
        )  # fmt: skip


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
