"""What is known of two accounts: compared with the relations of the reference server."""

import itertools

import pytest

from gauntlet.core.history import Contact, ProbeResult, Relation
from gauntlet.reference_server.store import relations as server
from gauntlet.reports.checks._relations import STATES, Relations, after, shown

GRANTED, REFUSED, UNKNOWN = ProbeResult.GRANTED, ProbeResult.REFUSED, ProbeResult.UNKNOWN
NOTHING, FRIEND = Relation(0), Relation.FRIEND
INCOMING, OUTGOING, BLOCKED = Relation.INCOMING, Relation.OUTGOING, Relation.BLOCKED
ACTIONS = {
    Contact.REQUEST: "request",
    Contact.END: "part",
    Contact.BLOCK: "block",
    Contact.UNBLOCK: "unblock",
}
SHOWN = {
    "none": NOTHING,
    "barred": NOTHING,
    "friends": FRIEND,
    "incoming": INCOMING,
    "outgoing": OUTGOING,
    "blocked": BLOCKED,
}


@pytest.mark.parametrize("contact", ACTIONS)
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("state", sorted(STATES))
def test_changes_are_those_of_the_reference_server(state, side, contact):
    change = server.CHANGES[ACTIONS[contact]](side)
    due = state if state & change.unless else (state & change.keep | change.put) & 15
    assert after(state, side, contact) == due
    assert shown(state, side) == SHOWN[server.relation(state, side)]


def known(*steps):
    """Return what is known after requests (side, contact, result) and lists (side, relation)."""
    found = Relations()
    for at, (side, what, *result) in enumerate(steps, 1):
        if result:
            found.change(side, what, *result, at)
        else:
            found.show(side, what, at)
    return found


def views(found):
    """Return where the lists of the first and of the second account may have the other one."""
    return found.may_show(0), found.may_show(1)


ENDED = (0, Contact.END, GRANTED)
UNRELATED = (ENDED, (0, NOTHING), (1, NOTHING))  # neither blocks the other


def test_nothing_is_known_of_accounts_at_first():
    every = {NOTHING, FRIEND, INCOMING, OUTGOING, BLOCKED}
    assert views(known()) == (every, every)


@pytest.mark.parametrize(
    ("steps", "first", "second"),
    [
        ((), NOTHING, NOTHING),
        (((0, Contact.REQUEST, GRANTED),), OUTGOING, INCOMING),
        (((0, Contact.REQUEST, GRANTED), (1, Contact.REQUEST, GRANTED)), FRIEND, FRIEND),
        (((0, Contact.REQUEST, GRANTED), (1, Contact.END, GRANTED)), NOTHING, NOTHING),
        (((1, Contact.REQUEST, GRANTED), (0, Contact.BLOCK, GRANTED)), BLOCKED, NOTHING),
        (((0, Contact.BLOCK, GRANTED), (1, Contact.REQUEST, REFUSED)), BLOCKED, NOTHING),
        (((0, Contact.BLOCK, GRANTED), (0, Contact.UNBLOCK, GRANTED)), NOTHING, NOTHING),
    ],
)
def test_an_answered_change_is_shown_to_both(steps, first, second):
    assert views(known(*UNRELATED, *steps)) == ({first}, {second})


def test_a_change_without_an_answer_may_take_effect_at_any_later_time():
    found = known(*UNRELATED, (0, Contact.REQUEST, UNKNOWN))
    assert views(found) == ({NOTHING, OUTGOING}, {NOTHING, INCOMING})
    found.show(1, NOTHING, 10)
    assert views(found) == ({NOTHING, OUTGOING}, {NOTHING, INCOMING})
    found.change(0, Contact.END, GRANTED, 11)
    assert views(found) == ({NOTHING, OUTGOING}, {NOTHING, INCOMING})


def test_what_one_account_is_shown_tells_what_the_other_must_be_shown():
    found = known(*UNRELATED, (0, Contact.REQUEST, UNKNOWN), (0, OUTGOING))
    assert views(found) == ({OUTGOING}, {INCOMING})


def test_after_a_list_that_nothing_explains_only_that_list_is_believed():
    found = known(*UNRELATED, (0, Contact.REQUEST, GRANTED), (1, NOTHING))
    assert views(found) == ({NOTHING, BLOCKED}, {NOTHING})
    contradictory = known(*UNRELATED, (0, FRIEND | BLOCKED))
    assert contradictory.states == STATES


@pytest.mark.parametrize(
    ("steps", "since"),
    [
        ((), 3),
        (((0, Contact.BLOCK, GRANTED),), None),
        (((0, Contact.BLOCK, REFUSED),), 3),
        (((0, Contact.BLOCK, UNKNOWN),), None),
        (((0, Contact.BLOCK, GRANTED), (0, Contact.UNBLOCK, GRANTED)), 5),
        (((0, Contact.BLOCK, GRANTED), (0, Contact.UNBLOCK, UNKNOWN)), None),
        (((0, Contact.BLOCK, GRANTED), (0, Contact.UNBLOCK, UNKNOWN), (0, NOTHING)), 6),
        (((0, Contact.BLOCK, UNKNOWN), (0, Contact.UNBLOCK, GRANTED)), None),
    ],
)
def test_since_when_there_is_certainly_no_block(steps, since):
    assert known(*UNRELATED, *steps).free_since_ns == since


def test_that_a_request_was_granted_shows_that_there_is_no_block():
    found = known(ENDED, (0, Contact.REQUEST, GRANTED))
    assert found.free_since_ns == 2
    assert views(found) == ({OUTGOING}, {INCOMING})


def test_what_is_certain_of_messages_outlasts_a_list_that_nothing_explains():
    found = known(*UNRELATED)
    found.write(0)
    assert (found.may_write(0), found.may_write(1)) == (True, False)
    found.show(0, FRIEND | BLOCKED, 10)
    assert (found.may_write(0), found.may_write(1)) == (True, False)
    found.change(0, Contact.BLOCK, GRANTED, 11)
    found.change(1, Contact.REQUEST, GRANTED, 12)
    assert (found.may_write(0), found.may_write(1)) == (True, False)


def test_messages_between_friends_say_nothing_of_others():
    found = known(*UNRELATED, (0, Contact.REQUEST, GRANTED), (1, Contact.REQUEST, GRANTED))
    found.write(0)
    assert found.may_write(0)
    found.change(1, Contact.END, GRANTED, 10)
    assert not found.may_write(0)


def test_every_history_of_a_correct_server_is_possible():
    """Whatever is done, and even if nothing of it is answered."""
    changes = list(itertools.product((0, 1), ACTIONS))
    for done in itertools.product(changes, repeat=3):
        for answered in itertools.product((GRANTED, UNKNOWN), repeat=3):
            found, state = Relations(), 0
            for at, ((side, contact), result) in enumerate(zip(done, answered, strict=True)):
                refused = contact is Contact.REQUEST and state >= 4
                state = after(state, side, contact)
                said = REFUSED if refused and result is GRANTED else result
                found.change(side, contact, said, at)
                assert state in found.states
                reader = at % 2
                assert shown(state, reader) in found.may_show(reader)
                found.show(reader, shown(state, reader), at)
                assert state in found.states
