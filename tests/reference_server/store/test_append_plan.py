"""What a transaction writes, planned without a database; the contract tests cover the engines."""

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


def plan(batch, states, known=None):
    """Plan a batch with numbered ids."""
    ids = iter(range(100))
    return plan_appends(batch, states, known or {}, now_ms=7, new_id=lambda: f"id{next(ids)}")


def enter(user, connection="e|1-1"):
    """Return a request to enter the room."""
    return AppendRequest("r.x", f"enter:{user}", event="entered", user=user, connection=connection)


@pytest.mark.parametrize(
    ("append", "creates"),
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
def test_a_member_creates_a_direct_conversation_and_a_founder_creates_a_room(append, creates):
    """No other request creates a conversation."""
    assert creatable([append]) == ([append.conv] if creates else [])


def test_conversations_to_create_are_sorted():
    """Writers that create rows in the same order cannot deadlock."""
    batch = [AppendRequest(f"d.a.{other}", "1", sender="a") for other in "cbdb"]
    assert creatable(batch) == ["d.a.b", "d.a.c", "d.a.d"]


def test_the_first_direct_message_adds_both_members():
    appends = plan(
        [AppendRequest("d.a.b", "1", sender="b", body="hi")], {"d.a.b": ConversationState()}
    )
    assert appends.members == {("d.a.b", "a"): 1, ("d.a.b", "b"): 1}
    assert appends.heads == {"d.a.b": 1}
    assert appends.entries == [
        Entry("d.a.b", 1, "msg", 7, "id0", "1", "b", "hi"),
    ]


def test_a_stored_message_is_answered_with_its_old_entry():
    request = AppendRequest("d.a.b", "1", sender="a")
    old = Entry("d.a.b", 3, "msg", 1, "old", "1", "a")
    appends = plan(
        [request], {"d.a.b": ConversationState(5, {"a": 1, "b": 1})}, {identity(request): old}
    )
    assert (appends.outcomes[0].entry, appends.outcomes[0].dup) == (old, True)
    assert (appends.entries, appends.heads) == ([], {})


def test_a_removed_sender_gets_the_old_entry_of_a_stored_message():
    """A refusal would claim that the retry is definitely not stored. New messages are refused."""
    old = Entry("r.x", 3, "msg", 1, "old", "1", "a")
    batch = [AppendRequest("r.x", "1", sender="a"), AppendRequest("r.x", "2", sender="a")]
    appends = plan(batch, {"r.x": ConversationState(5, {"b": 1})}, {identity(batch[0]): old})
    assert (appends.outcomes[0].entry, appends.outcomes[0].dup) == (old, True)
    assert isinstance(appends.outcomes[1], Refused)
    assert appends.entries == []


def test_a_refused_request_writes_nothing_unless_it_repeats_a_stored_message():
    refused = Refused("forbidden", "blocked")
    request = AppendRequest("d.a.b", "1", sender="a", refused=refused)
    assert creatable([request]) == []
    for states in ({}, {"d.a.b": ConversationState()}):
        appends = plan([request], states)
        assert (appends.outcomes, appends.entries, appends.members) == ([refused], [], {})
    old = Entry("d.a.b", 3, "msg", 1, "old", "1", "a")
    repeated = plan(
        [request], {"d.a.b": ConversationState(5, {"a": 1, "b": 1})}, {identity(request): old}
    )
    assert repeated.outcomes[0].dup


def test_each_entry_of_a_batch_has_the_audience_of_its_position():
    state = ConversationState(2, {"a": 1, "b": 2})
    batch = [
        AppendRequest("r.x", "1", sender="a"),
        AppendRequest("r.x", "2", event="removed", user="b", by="a"),
        AppendRequest("r.x", "3", sender="a"),
        AppendRequest("r.x", "4", sender="b"),
    ]
    outcomes = plan(batch, {"r.x": state}).outcomes
    assert [set(each.members) for each in outcomes[:3]] == [{"a", "b"}, {"a", "b"}, {"a"}]
    assert isinstance(outcomes[3], Refused)


def test_a_removal_ends_the_stay_without_an_exit():
    state = ConversationState(3, {"a": 1, "b": 2}, {"b": "e|1-1"})
    appends = plan([AppendRequest("r.x", "1", event="removed", user="b", by="b")], {"r.x": state})
    assert appends.present == {("r.x", "b"): None}
    assert [entry.event for entry in appends.entries] == ["removed"]


@pytest.mark.parametrize("victim", ["a", "b", "eve"])
def test_an_outsider_who_adds_a_user_does_not_learn_whether_they_are_a_member(victim):
    state = ConversationState(last_seq=4, members={"a": 1})
    request = AppendRequest("r.x", "k", event="added", user=victim, by="eve")
    assert plan([request], {"r.x": state}).outcomes == [
        Refused("forbidden", "eve is not a member of r.x")
    ]


def test_only_members_may_enter():
    appends = plan([enter("c")], {"r.x": ConversationState(1, {"a": 1})})
    assert appends.outcomes[0].code == "forbidden"


def test_rooms_above_the_limit_have_no_attendance():
    for size, entries in ((ATTENDANCE_MEMBERS_MAX, 1), (ATTENDANCE_MEMBERS_MAX + 1, 0)):
        members = {f"u{number}": 1 for number in range(size)}
        assert len(plan([enter("u0")], {"r.x": ConversationState(1, members)}).entries) == entries
