"""What a transaction writes, planned without a database; the contract tests cover the engines."""

import pytest

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import (
    ATTENDANCE_MEMBERS_MAX,
    ConversationState,
    added_users,
    creatable,
    identity,
    plan_appends,
    users_of_new_directs,
)
from gauntlet.reference_server.store.base import AppendRequest, Refused


def plan(batch, states, known=None, rooms=None):
    """Plan a batch with numbered ids."""
    ids = iter(range(100))
    rooms = {} if rooms is None else rooms
    for state in states.values():
        state.rooms = rooms
    rooms |= {user: 0 for user in added_users(batch) if user not in rooms}
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


def add(conv, user, by):
    """Return a request to add a user to a room."""
    return AppendRequest(conv, f"{conv}:{user}", event="added", user=user, by=by)


@pytest.fixture
def limits(monkeypatch):
    """Users may be in two rooms, and found a third one."""
    monkeypatch.setattr(append_plan, "ADDED_ROOMS_MAX", 2)
    monkeypatch.setattr(append_plan, "ROOMS_MAX", 3)


def rooms_of_ann(*names):
    """Return rooms in which Ann is the only member."""
    return {name: ConversationState(1, {"ann": 1}) for name in names}


def codes(appends):
    """Return `stored` or the code of each outcome."""
    return [getattr(outcome, "code", "stored") for outcome in appends.outcomes]


def test_all_additions_of_a_batch_count(limits):
    """Bob may then only found one more room."""
    batch = [add(name, "bob", "ann") for name in ("r.1", "r.2", "r.3")]
    batch += [add(name, "bob", "bob") for name in ("r.4", "r.5")]
    states = {**rooms_of_ann("r.1", "r.2", "r.3"), "r.4": ConversationState()}
    appends = plan(batch, states | {"r.5": ConversationState()})
    assert codes(appends) == ["stored", "stored", "forbidden", "stored", "forbidden"]
    assert appends.rooms_max == {"bob": 3}


def test_a_removal_makes_room_for_another_addition(limits):
    remove = AppendRequest("r.1", "k", event="removed", user="bob", by="bob")
    states = rooms_of_ann("r.1", "r.2", "r.3")
    states["r.1"].members["bob"] = 1
    batch = [add("r.2", "bob", "ann"), remove, add("r.3", "bob", "ann")]
    appends = plan(batch, states, rooms={"bob": 1})
    assert codes(appends) == ["stored"] * 3
    assert appends.rooms_max == {"bob": 2}
    assert codes(plan(batch, rooms_of_ann("r.2", "r.3"), rooms={"bob": 2}))[0] == "forbidden"


@pytest.mark.parametrize(
    ("batch", "most"),
    [
        # One more room of others, then a room of their own.
        ([add("r.1", "bob", "ann"), add("r.new", "bob", "bob")], 3),
        # The other way round: with a further room at the same time, the addition would be too much.
        ([add("r.new", "bob", "bob"), add("r.1", "bob", "ann")], 2),
    ],
)
def test_the_plan_says_in_how_many_rooms_a_user_may_be_when_it_is_written(limits, batch, most):
    """Another process may add them to another room at the same time."""
    states = {**rooms_of_ann("r.1"), "r.new": ConversationState()}
    assert plan(batch, states).rooms_max == {"bob": most}


def test_a_stranger_does_not_learn_by_their_limit_whether_a_room_exists(limits):
    full = {"eve": 3}
    real = plan([add("r.x", "eve", "eve")], rooms_of_ann("r.x"), rooms=dict(full))
    missing = plan([add("r.x", "eve", "eve")], {"r.x": ConversationState()}, rooms=full)
    assert real.outcomes == missing.outcomes
    assert real.outcomes[0].message == "eve is in 3 rooms, the maximum"


@pytest.fixture
def direct_limits(monkeypatch):
    """Others may begin one direct conversation with a user, who may begin a second one."""
    monkeypatch.setattr(append_plan, "BEGUN_DIRECTS_MAX", 1)
    monkeypatch.setattr(append_plan, "DIRECTS_MAX", 2)


def sends(*convs_and_senders):
    """Return a first message for each pair of a conversation and its sender."""
    return [AppendRequest(conv, "1", sender=sender) for conv, sender in convs_and_senders]


def plan_directs(batch, **directs):
    """Plan messages of conversations that do not exist; `directs` is who has how many others."""
    states = {conv: ConversationState(directs=directs) for conv in creatable(batch)}
    return plan(batch, states)


def test_all_direct_conversations_that_a_batch_begins_count(direct_limits):
    """Bob may begin one more; a message of a conversation that has begun is not refused."""
    batch = sends(("d.ann.bob", "ann"), ("d.bob.cat", "cat"), ("d.bob.dan", "bob"))
    batch += sends(("d.bob.eve", "bob"), ("d.ann.bob", "bob"))
    appends = plan_directs(batch)
    assert codes(appends) == ["stored", "forbidden", "stored", "forbidden", "stored"]
    assert appends.heads == {"d.ann.bob": 2, "d.bob.dan": 1}
    assert appends.outcomes[1].message == "bob has 1 direct conversations, the maximum"


def test_both_users_of_a_new_direct_conversation_have_a_limit(direct_limits):
    assert codes(plan_directs(sends(("d.ann.bob", "ann")), ann=1)) == ["stored"]
    assert codes(plan_directs(sends(("d.ann.bob", "ann")), ann=2)) == ["forbidden"]
    assert codes(plan_directs(sends(("d.ann.bob", "ann")), bob=1)) == ["forbidden"]
    assert codes(plan_directs(sends(("d.ann.bob", "bob")), bob=1)) == ["stored"]


def test_only_the_users_of_direct_conversations_that_do_not_exist_are_counted():
    states = {"d.ann.bob": ConversationState(), "d.ann.cat": ConversationState(3)}
    states |= {"r.x": ConversationState(), "d.bob.dan": ConversationState()}
    assert users_of_new_directs(states) == ["ann", "bob", "dan"]
