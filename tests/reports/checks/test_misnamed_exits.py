"""Exits that a member was shown as those of another user."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import SmallRun, ns


def shown(*rows):
    """Return a run in which exits of (user, position, receiver, time) are shown; 0 is the audit."""
    run = SmallRun((1, 2, 3))
    for user, seq, receiver, at_s in rows:
        known = {"conv": 1, "peer": user, "sseq": RoomEvent.EXITED, "seq": seq}
        if receiver:
            run.add(Kind.ROOM, at_s, **known, link=receiver)
        else:
            run.add(Kind.AUDIT, at_s, **known, flags=Channel.AUDIT | Flag.ROOM_EVENT)
    return run


def misnamed(run):
    """Return the witnesses of exits of several users at one position."""
    return [
        witness for witness in run.verdict("exit").witnesses if "was shown to" in witness.sentence
    ]


def sentence(seq, receiver, shown_as, right):
    return (
        f"Position {seq} of c1 was shown to u{receiver} as the exit of u{shown_as}, but is the "
        f"exit of u{right}."
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(2, 1, 1, 10), (2, 1, 3, 11), (2, 1, 0, 33)], []),
        # What is stored is right, otherwise what was shown first.
        ([(3, 1, 1, 10), (2, 1, 3, 11), (2, 1, 0, 33)], [sentence(1, 1, 3, 2)]),
        ([(3, 1, 1, 10), (2, 1, 3, 11)], [sentence(1, 3, 2, 3)]),
        # Once for each position, for all users who were shown it.
        ([(3, 1, 1, 10), (3, 1, 2, 11), (2, 1, 0, 33)], [sentence(1, 1, 3, 2)]),
        (
            [(3, 1, 1, 10), (2, 1, 0, 33), (3, 2, 1, 12), (2, 2, 0, 33)],
            [sentence(1, 1, 3, 2), sentence(2, 1, 3, 2)],
        ),
        ([(3, 1, 1, 10), (2, 2, 1, 11)], []),
        ([(2, 1, 1, 9), (3, 0, 1, 10), (2, 0, 3, 11)], []),
    ],
)
def test_the_exit_at_a_position_is_that_of_one_user(rows, expected):
    found = misnamed(shown(*rows))
    assert [witness.sentence for witness in found] == expected
    assert all(len(witness.records) == 2 for witness in found)


def test_users_whom_nobody_knows_have_no_number():
    run = shown((0, 1, 1, 10), (2, 1, 0, 33))
    assert [witness.sentence for witness in misnamed(run)] == [
        "Position 1 of c1 was shown to u1 as the exit of an unknown user, but is the exit of u2."
    ]


def test_the_audit_may_find_two_exits_at_a_position():
    found = run_of_audit((2, 3)).verdict("exit").witnesses
    assert "Position 1 of c1 is stored as the exit of u3, but is the exit of u2." in [
        witness.sentence for witness in found
    ]


def run_of_audit(users):
    """Return a run in which the audit finds the exits of these users at position 1."""
    return shown(*((user, 1, 0, 33 + at) for at, user in enumerate(users)))


def test_the_witness_has_the_receiver_and_the_time():
    (witness,) = misnamed(shown((3, 1, 1, 10), (2, 1, 0, 33)))
    assert (witness.user, witness.at_ns) == (1, ns(10))


def test_a_copy_that_was_dropped_shows_an_exit_and_other_events_do_not():
    run = shown((2, 1, 1, 10))
    known = {"conv": 1, "link": 3, "peer": 3, "seq": 1, "flags": Flag.ROOM_EVENT}
    run.add(Kind.RECEIVE, 11, **known, sseq=RoomEvent.ENTERED)
    assert misnamed(run) == []
    run.add(Kind.RECEIVE, 12, **known, sseq=RoomEvent.EXITED)
    assert [witness.sentence for witness in misnamed(run)] == [sentence(1, 3, 3, 2)]


def test_a_message_whose_number_is_that_of_an_event_shows_no_exit():
    run = shown((2, 1, 1, 10))
    run.send(1, 1, 9, sseq=RoomEvent.EXITED)
    known = {"conv": 1, "peer": 1, "sseq": RoomEvent.EXITED, "seq": 1}
    run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT)
    run.add(Kind.RECEIVE, 11, **known, link=3)
    assert misnamed(run) == []
