"""What a transaction writes, decided without a database; the engines' suite has the rest."""

import pytest

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store.append_plan import (
    ATTENDANCE_MEMBERS_MAX,
    ConversationState,
    creatable,
    identity,
    plan_appends,
)
from gauntlet.reference_server.store.base import AppendRequest, Refused


def decide(batch, states, known=None):
    """The plan of a batch, with numbered ids."""
    ids = iter(range(100))
    return plan_appends(batch, states, known or {}, now_ms=7, new_id=lambda: f"id{next(ids)}")


def enter(user, connection="e|1-1"):
    """A wish to be counted in."""
    return AppendRequest("r.x", f"enter:{user}", event="entered", user=user, connection=connection)


@pytest.mark.parametrize(
    ("wish", "creates"),
    [
        (AppendRequest("d.a.b", "1", sender="a"), True),
        (AppendRequest("d.a.b", "1", sender="b"), True),
        (AppendRequest("d.a.b", "1", sender="c"), False),
        (AppendRequest("d.b.a", "1", sender="a"), False),
        (AppendRequest("d.a.a", "1", sender="a"), False),
        (AppendRequest("r.x", "1", sender="a"), False),
        (AppendRequest("r.x", "1", event="added", user="a", by="a"), True),
        (AppendRequest("r.x", "1", event="added", user="b", by="a"), False),
        (AppendRequest("d.a.b", "1", event="added", user="a", by="a"), False),
        (AppendRequest("r.x", "1", event="entered", user="a"), False),
    ],
)
def test_what_brings_a_conversation_into_being(wish, creates):
    """A member's send to a direct one, a founder who adds himself to a room; nothing else."""
    assert creatable([wish]) == ([wish.conv] if creates else [])


def test_what_is_to_be_created_is_sorted():
    """Writers that create in one order never wait for each other in a circle."""
    batch = [AppendRequest(f"d.a.{other}", "1", sender="a") for other in "cbdb"]
    assert creatable(batch) == ["d.a.b", "d.a.c", "d.a.d"]


def test_the_first_message_makes_both_members():
    """Entitled from its position on."""
    decided = decide(
        [AppendRequest("d.a.b", "1", sender="b", body="hi")], {"d.a.b": ConversationState()}
    )
    assert decided.members == {("d.a.b", "a"): 1, ("d.a.b", "b"): 1}
    assert decided.heads == {"d.a.b": 1}
    assert decided.entries == [
        Entry("d.a.b", 1, "msg", 7, "id0", "1", "b", "hi"),
    ]


def test_a_known_message_is_no_row():
    """Its old entry answers."""
    wish = AppendRequest("d.a.b", "1", sender="a")
    old = Entry("d.a.b", 3, "msg", 1, "old", "1", "a")
    decided = decide(
        [wish], {"d.a.b": ConversationState(5, {"a": 1, "b": 1})}, {identity(wish): old}
    )
    assert (decided.outcomes[0].entry, decided.outcomes[0].dup) == (old, True)
    assert (decided.entries, decided.heads) == ([], {})


def test_a_removed_sender_is_told_of_what_he_had_stored():
    """A refusal would call his retry definitely not stored; anything new of his is refused."""
    old = Entry("r.x", 3, "msg", 1, "old", "1", "a")
    batch = [AppendRequest("r.x", "1", sender="a"), AppendRequest("r.x", "2", sender="a")]
    decided = decide(batch, {"r.x": ConversationState(5, {"b": 1})}, {identity(batch[0]): old})
    assert (decided.outcomes[0].entry, decided.outcomes[0].dup) == (old, True)
    assert isinstance(decided.outcomes[1], Refused)
    assert decided.entries == []


def test_a_refused_wish_is_no_row_and_creates_nothing():
    """Nor does it make anybody a member; what it repeats is found all the same."""
    refused = Refused("forbidden", "blocked")
    wish = AppendRequest("d.a.b", "1", sender="a", refused=refused)
    assert creatable([wish]) == []
    for states in ({}, {"d.a.b": ConversationState()}):
        decided = decide([wish], states)
        assert (decided.outcomes, decided.entries, decided.members) == ([refused], [], {})
    old = Entry("d.a.b", 3, "msg", 1, "old", "1", "a")
    repeated = decide(
        [wish], {"d.a.b": ConversationState(5, {"a": 1, "b": 1})}, {identity(wish): old}
    )
    assert repeated.outcomes[0].dup


def test_a_message_after_a_removal_in_one_batch_does_not_reach_the_removed():
    """Each entry has the audience of its own position."""
    state = ConversationState(2, {"a": 1, "b": 2})
    batch = [
        AppendRequest("r.x", "1", sender="a"),
        AppendRequest("r.x", "2", event="removed", user="b", by="a"),
        AppendRequest("r.x", "3", sender="a"),
        AppendRequest("r.x", "4", sender="b"),
    ]
    outcomes = decide(batch, {"r.x": state}).outcomes
    assert [set(each.members) for each in outcomes[:3]] == [{"a", "b"}, {"a", "b"}, {"a"}]
    assert isinstance(outcomes[3], Refused)


def test_a_removed_member_is_not_present_any_more():
    """His stay ends with his membership, without an exit of its own."""
    state = ConversationState(3, {"a": 1, "b": 2}, {"b": "e|1-1"})
    decided = decide([AppendRequest("r.x", "1", event="removed", user="b", by="b")], {"r.x": state})
    assert decided.present == {("r.x", "b"): None}
    assert [entry.event for entry in decided.entries] == ["removed"]


@pytest.mark.parametrize("victim", ["a", "b", "eve"])
def test_an_outsider_who_adds_learns_of_no_membership(victim):
    """He is refused in the same words, whether the other is a member already or not."""
    state = ConversationState(last_seq=4, members={"a": 1})
    wish = AppendRequest("r.x", "k", event="added", user=victim, by="eve")
    assert decide([wish], {"r.x": state}).outcomes == [
        Refused("forbidden", "eve is not a member of r.x")
    ]


def test_only_members_enter():
    """Attendance never makes a member."""
    decided = decide([enter("c")], {"r.x": ConversationState(1, {"a": 1})})
    assert decided.outcomes[0].code == "forbidden"


def test_large_rooms_have_no_attendance():
    """At the limit one may enter, above it nobody."""
    for size, entries in ((ATTENDANCE_MEMBERS_MAX, 1), (ATTENDANCE_MEMBERS_MAX + 1, 0)):
        members = {f"u{number}": 1 for number in range(size)}
        assert len(decide([enter("u0")], {"r.x": ConversationState(1, members)}).entries) == entries
