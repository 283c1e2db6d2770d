"""What one transaction will write: from wishes and the state of locked rows to rows. Pure.

The engines read the state under lock, call `plan`, and write what it says; so the rules of
identity, order, membership and attendance exist once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gauntlet.reference_server.core.wire import Entry, direct_members, is_room
from gauntlet.reference_server.store.base import Append, Outcome, Refused, Stored

ATTENDANCE_MEMBERS_MAX = 500  # larger rooms would drown in `entered` and `exited`


class Identity(NamedTuple):
    """What makes a retry the same message; unique in SQL."""

    conv: str
    sender: str
    client_msg_id: str


@dataclass
class ConvState:
    """A locked conversation, changed by `plan` as it goes along.

    `members`: user → position since when. `present`: user → the connection that entered.
    """

    last_seq: int = 0
    members: dict[str, int] = field(default_factory=dict)
    present: dict[str, str] = field(default_factory=dict)


@dataclass
class Plan:
    """The rows to write, and the outcomes that are true once they are committed.

    In `members` None means removed, in `present` gone; a later change of a user replaces.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    members: dict[tuple[str, str], int | None] = field(default_factory=dict)
    present: dict[tuple[str, str], str | None] = field(default_factory=dict)

    @property
    def heads(self) -> dict[str, int]:
        """The new head of every conversation that got an entry."""
        return {entry.conv: entry.seq for entry in self.entries}

    @property
    def regrouped(self) -> set[str]:
        """The conversations whose membership changes."""
        return {conv for conv, _ in self.members}


def identity(wish: Append) -> Identity:
    return Identity(wish.conv, wish.sender, wish.client_msg_id)


def creatable(batch: Sequence[Append]) -> list[str]:
    """The conversations that come to be with this batch unless they exist, in id order."""
    return sorted({wish.conv for wish in batch if _creates(wish)})


def plan(
    batch: Sequence[Append],
    states: Mapping[str, ConvState],
    known: Mapping[Identity, Entry],
    now_ms: int,
    new_id: Callable[[], str],
) -> Plan:
    """Decide every wish in order, each on the state that those before it leave.

    `states` holds the locked conversations (created ones with `last_seq` 0), `known` the entries
    that identities of this batch already have.
    """
    planned = Plan()
    seen = dict(known)
    for wish in batch:
        state = states.get(wish.conv)
        if state is None:
            outcome: Outcome = wish.refused or Refused("not_found", f"no conversation {wish.conv}")
        else:
            outcome = _decide(wish, state, seen, planned, now_ms, new_id)
        planned.outcomes.append(outcome)
    return planned


def _decide(
    wish: Append,
    state: ConvState,
    seen: dict[Identity, Entry],
    planned: Plan,
    now_ms: int,
    new_id: Callable[[], str],
) -> Outcome:
    if not wish.event:
        refused_or_known = _message(wish, state, seen, planned)
    else:
        refused_or_known = EVENTS[wish.event](wish, state, planned)
    if refused_or_known is not None:
        return refused_or_known
    seq = state.last_seq + 1
    client_msg_id, key = wish.client_msg_id, identity(wish)
    if key in seen:
        # A room event that state allows once more, as when a connection enters for a second time.
        client_msg_id = f"{client_msg_id}:{seq}"
    state.last_seq = seq
    kind, said = "room" if wish.event else wish.type, (wish.sender, wish.body)
    about = (wish.event, wish.user)
    entry = Entry(wish.conv, seq, kind, now_ms, new_id(), client_msg_id, *said, *about)
    seen[key] = entry
    planned.entries.append(entry)
    # One who was just removed must still hear of it.
    audience = dict.fromkeys((*state.members, wish.user)) if wish.event else state.members
    return Stored(entry, members=tuple(audience))


def _message(
    wish: Append, state: ConvState, seen: Mapping[Identity, Entry], planned: Plan
) -> Outcome | None:
    # First what is stored: the retry of one who was removed meanwhile must not be told "no".
    if first := seen.get(identity(wish)):
        return Stored(first, dup=True)
    if wish.refused is not None:
        return wish.refused
    if state.last_seq == 0 and (pair := direct_members(wish.conv)):
        for user in pair:
            _join(wish.conv, user, state, planned)
    if wish.sender not in state.members:
        return Refused("forbidden", f"{wish.sender} is not a member of {wish.conv}")
    return None


def _added(wish: Append, state: ConvState, planned: Plan) -> Outcome | None:
    is_founder = state.last_seq == 0 and wish.by == wish.user
    if wish.by not in state.members and not is_founder:
        return Refused("forbidden", f"{wish.by} is not a member of {wish.conv}")
    if wish.user in state.members:
        return _already(wish, state.members[wish.user])
    _join(wish.conv, wish.user, state, planned)
    return None


def _removed(wish: Append, state: ConvState, planned: Plan) -> Outcome | None:
    if wish.by != wish.user and wish.by not in state.members:
        return Refused("forbidden", f"{wish.by} is not a member of {wish.conv}")
    if wish.user not in state.members:
        return _already(wish, state.last_seq)
    del state.members[wish.user]
    planned.members[wish.conv, wish.user] = None
    if state.present.pop(wish.user, None) is not None:
        planned.present[wish.conv, wish.user] = None
    return None


def _entered(wish: Append, state: ConvState, planned: Plan) -> Outcome | None:
    if wish.user not in state.members:
        return Refused("forbidden", f"{wish.user} is not a member of {wish.conv}")
    if len(state.members) > ATTENDANCE_MEMBERS_MAX:
        return Refused("forbidden", f"{wish.conv} is too large for attendance")
    if wish.user in state.present:
        return _already(wish, state.last_seq)
    state.present[wish.user] = wish.connection
    planned.present[wish.conv, wish.user] = wish.connection
    return None


def _exited(wish: Append, state: ConvState, planned: Plan) -> Outcome | None:
    # The late repeat of an exit must not end a stay that another connection began since.
    if state.present.get(wish.user) != wish.connection:
        return _already(wish, state.last_seq)
    del state.present[wish.user]
    planned.present[wish.conv, wish.user] = None
    return None


EVENTS: dict[str, Callable[[Append, ConvState, Plan], Outcome | None]] = {
    "added": _added,
    "removed": _removed,
    "entered": _entered,
    "exited": _exited,
}


def _creates(wish: Append) -> bool:
    if wish.event:
        return wish.event == "added" and wish.by == wish.user and is_room(wish.conv)
    return wish.refused is None and wish.sender in (direct_members(wish.conv) or ())


def _join(conv: str, user: str, state: ConvState, planned: Plan) -> None:
    state.members[user] = planned.members[conv, user] = state.last_seq + 1


def _already(wish: Append, seq: int) -> Stored:
    return Stored(Entry(conv=wish.conv, seq=seq, type="room", ts=0, user=wish.user), dup=True)
