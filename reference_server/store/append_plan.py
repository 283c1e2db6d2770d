"""What one transaction will write: turns requests and the state of conversations into rows. Pure.

The engines read the state of the conversations, call `plan_appends` and write the returned plan.
The rules of identity, order, membership and attendance therefore exist only once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gauntlet.reference_server.core.wire import Entry, direct_members, is_room
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Refused, Stored

# In larger rooms `entered` and `exited` would outnumber the messages.
ATTENDANCE_MEMBERS_MAX = 500
ROOM_MEMBERS_MAX = 100_000  # every message is offered to all of them
# Without a limit, others could add a user to so many rooms, or write to them from so many accounts,
# that their heads could not be read. A user at the first limit may still found rooms, and begin
# direct conversations, up to the second one.
ADDED_ROOMS_MAX, ROOMS_MAX = 4_000, 5_000
BEGUN_DIRECTS_MAX, DIRECTS_MAX = 20_000, 25_000


class Identity(NamedTuple):
    """The key by which a retry is recognised as the same message; unique in SQL."""

    conv: str
    sender: str
    client_msg_id: str


@dataclass
class ConversationState:
    """The state of a conversation, updated by `plan_appends` request by request.

    `members`: user → the position since which they are a member. `present`: user → the connection
    with which they entered. `rooms`: user → in how many rooms they are, for `added_users`; counts
    may end at `ROOMS_MAX`. `directs`: user → in how many direct conversations they are, for
    `users_of_new_directs`; counts may end at `DIRECTS_MAX`. All states of a batch share both.
    """

    last_seq: int = 0
    members: dict[str, int] = field(default_factory=dict)
    present: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, int] = field(default_factory=dict)
    directs: dict[str, int] = field(default_factory=dict)


@dataclass
class AppendPlan:
    """The rows to write, and the outcomes that hold once the rows are committed.

    `members` and `present` are keyed by (conversation, user). None means that the row is deleted;
    any other value replaces the row. `rooms_max` says in how many rooms each user who is added
    may be after the plan is written: others may add them to further rooms at the same time.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    members: dict[tuple[str, str], int | None] = field(default_factory=dict)
    present: dict[tuple[str, str], str | None] = field(default_factory=dict)
    rooms_max: dict[str, int] = field(default_factory=dict)

    @property
    def heads(self) -> dict[str, int]:
        """The new head of every conversation that gets an entry."""
        return {entry.conv: entry.seq for entry in self.entries}

    @property
    def membership_changed(self) -> set[str]:
        """The conversations whose membership changes."""
        return {conv for conv, _ in self.members}


def identity(request: AppendRequest) -> Identity:
    """Return the identity of a message or room event."""
    return Identity(request.conv, request.sender, request.client_msg_id)


def creatable(batch: Sequence[AppendRequest]) -> list[str]:
    """Return the ids of the conversations that this batch creates if they are missing, sorted."""
    return sorted({request.conv for request in batch if _creates(request)})


def added_users(batch: Sequence[AppendRequest]) -> list[str]:
    """Return the users whom this batch is to add to rooms, sorted."""
    return sorted({request.user for request in batch if request.event == "added"})


def users_of_new_directs(states: Mapping[str, ConversationState]) -> list[str]:
    """Return the users of the direct conversations that do not exist yet, sorted."""
    pairs = [direct_members(conv) for conv, state in states.items() if state.last_seq == 0]
    return sorted({user for pair in pairs if pair for user in pair})


def plan_appends(
    batch: Sequence[AppendRequest],
    states: Mapping[str, ConversationState],
    known: Mapping[Identity, Entry],
    now_ms: int,
    new_id: Callable[[], str],
) -> AppendPlan:
    """Plan the requests in order, each on the state that the requests before it leave behind.

    `states` holds the conversations that exist or are created (with `last_seq` 0); it is modified.
    `known` holds the stored entries of identities that occur in this batch.
    """
    plan = AppendPlan()
    seen = dict(known)
    for request in batch:
        state = states.get(request.conv)
        if state is None:
            # As for a conversation of others: who may not see it must not learn that it exists.
            refused = None if request.event else request.refused
            outcome: Outcome = refused or _not_a_member(request)
        else:
            outcome = _plan_one(request, state, seen, plan, now_ms, new_id)
        plan.outcomes.append(outcome)
    return plan


def _plan_one(
    request: AppendRequest,
    state: ConversationState,
    seen: dict[Identity, Entry],
    plan: AppendPlan,
    now_ms: int,
    new_id: Callable[[], str],
) -> Outcome:
    if not request.event:
        final = _plan_message(request, state, seen, plan)
    else:
        final = EVENTS[request.event](request, state, plan)
    if final is not None:
        return final
    seq = state.last_seq + 1
    client_msg_id, key = request.client_msg_id, identity(request)
    if key in seen:
        # The same room event is valid again, for example when a connection enters a second time.
        client_msg_id = f"{client_msg_id}:{seq}"
    state.last_seq = seq
    kind = "room" if request.event else request.type
    content = (request.sender, request.body, request.event, request.user)
    entry = Entry(request.conv, seq, kind, now_ms, new_id(), client_msg_id, *content)
    seen[key] = entry
    plan.entries.append(entry)
    # A user who was just removed must still receive the entry that says so.
    audience = dict.fromkeys((*state.members, request.user)) if request.event else state.members
    return Stored(entry, members=tuple(audience))


# Each function below returns the outcome of a request that needs no new entry, or None after it has
# applied the request's effects to the state and the plan.


def _plan_message(
    request: AppendRequest,
    state: ConversationState,
    seen: Mapping[Identity, Entry],
    plan: AppendPlan,
) -> Outcome | None:
    # Look for a stored message first: its retry must not be refused, even if the sender has been
    # removed since.
    if first := seen.get(identity(request)):
        if (first.type, first.body) != (request.type, request.body):
            return Refused("conflict", "this client_msg_id belongs to another message")
        return Stored(first, dup=True)
    if request.refused is not None:
        return request.refused
    if state.last_seq == 0 and (pair := direct_members(request.conv)):
        if refused := _refused_direct(request, pair, state):
            return refused
        for user in pair:
            _join(request.conv, user, state, plan)
            state.directs[user] = state.directs.get(user, 0) + 1
    if request.sender not in state.members:
        return _not_a_member(request)
    return None


def _plan_added(
    request: AppendRequest, state: ConversationState, plan: AppendPlan
) -> Outcome | None:
    is_founder = state.last_seq == 0 and request.by == request.user
    if request.by not in state.members and not is_founder:
        # Who adds themselves at their limit is refused as if they founded a room.
        own = request.by == request.user
        return (_refused_by_limit(request, state) if own else None) or _not_a_member(request)
    if request.user in state.members:
        return _unchanged(request, state.members[request.user])
    if refused := request.refused or _refused_by_limit(request, state):
        return refused
    if len(state.members) >= ROOM_MEMBERS_MAX:
        return Refused("forbidden", f"{request.conv} has {ROOM_MEMBERS_MAX} members, the maximum")
    _join(request.conv, request.user, state, plan)
    user, maximum = request.user, _rooms_max(request)
    plan.rooms_max[user] = min(maximum, plan.rooms_max.get(user, maximum) + 1)
    state.rooms[user] += 1
    return None


def _plan_removed(
    request: AppendRequest, state: ConversationState, plan: AppendPlan
) -> Outcome | None:
    # Also who repeats the removal of themselves: the answer would tell them the head.
    if request.by not in state.members:
        return _not_a_member(request)
    if request.user not in state.members:
        return _unchanged(request, state.last_seq)
    del state.members[request.user]
    plan.members[request.conv, request.user] = None
    for counts in (state.rooms, plan.rooms_max):
        if request.user in counts:
            counts[request.user] -= 1
    if state.present.pop(request.user, None) is not None:
        plan.present[request.conv, request.user] = None
    return None


def _plan_entered(
    request: AppendRequest, state: ConversationState, plan: AppendPlan
) -> Outcome | None:
    if request.user not in state.members:
        return _not_a_member(request)
    if len(state.members) > ATTENDANCE_MEMBERS_MAX:
        return Refused("forbidden", f"{request.conv} is too large for attendance")
    if request.user in state.present:
        return _unchanged(request, state.last_seq)
    state.present[request.user] = request.connection
    plan.present[request.conv, request.user] = request.connection
    return None


def _plan_exited(
    request: AppendRequest, state: ConversationState, plan: AppendPlan
) -> Outcome | None:
    # A late repeat of an exit must not end a stay that another connection has begun since.
    if state.present.get(request.user) != request.connection:
        return _unchanged(request, state.last_seq)
    del state.present[request.user]
    plan.present[request.conv, request.user] = None
    return None


EVENTS: dict[str, Callable[[AppendRequest, ConversationState, AppendPlan], Outcome | None]] = {
    "added": _plan_added,
    "removed": _plan_removed,
    "entered": _plan_entered,
    "exited": _plan_exited,
}


def _creates(request: AppendRequest) -> bool:
    if request.event:
        is_founding = request.event == "added" and request.by == request.user
        return is_founding and request.refused is None and is_room(request.conv)
    return request.refused is None and request.sender in (direct_members(request.conv) or ())


def _join(conv: str, user: str, state: ConversationState, plan: AppendPlan) -> None:
    state.members[user] = plan.members[conv, user] = state.last_seq + 1


def _rooms_max(request: AppendRequest) -> int:
    return ROOMS_MAX if request.by == request.user else ADDED_ROOMS_MAX


def _refused_by_limit(request: AppendRequest, state: ConversationState) -> Refused | None:
    """Return the refusal of an addition to one more room, if that would be too many."""
    maximum = _rooms_max(request)
    if state.rooms[request.user] < maximum:
        return None
    return Refused("forbidden", f"{request.user} is in {maximum} rooms, the maximum")


def _refused_direct(
    request: AppendRequest, pair: tuple[str, str], state: ConversationState
) -> Refused | None:
    """Return the refusal of one more direct conversation, if a user would have too many.

    Another process may begin one at the same time, so a user may have a few more.
    """
    for user in pair:
        maximum = DIRECTS_MAX if user == request.sender else BEGUN_DIRECTS_MAX
        if state.directs.get(user, 0) >= maximum:
            return Refused("forbidden", f"{user} has {maximum} direct conversations, the maximum")
    return None


def _not_a_member(request: AppendRequest) -> Refused:
    user = request.by or request.sender or request.user
    return Refused("forbidden", f"{user} is not a member of {request.conv}")


def _unchanged(request: AppendRequest, seq: int) -> Stored:
    entry = Entry(conv=request.conv, seq=seq, type="room", ts=0, user=request.user)
    return Stored(entry, dup=True)
