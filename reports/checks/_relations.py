"""What two accounts may be to each other, as far as requests and answers show it. Pure.

Each of the two may want the friendship, and may block the other: 16 states. Two accounts that both
want it are friends. A request without an answer may take effect at any later time, so that several
states may be possible. A list that was read shows which of them it was.
"""

from collections.abc import Iterable

from gauntlet.core.history import Contact, ProbeResult, Relation

WANTS, BLOCKS = (1, 2), (4, 8)  # by side
_ALL_WANT, _ANY_BLOCKS = sum(WANTS), sum(BLOCKS)
STATES = frozenset(range(16))


def after(state: int, side: int, contact: Contact) -> int:
    """Return the state after an account has changed it."""
    match contact:
        case Contact.REQUEST:
            return state if state & _ANY_BLOCKS else state | WANTS[side]
        case Contact.END:
            return state & ~_ALL_WANT
        case Contact.BLOCK:
            return state & ~_ALL_WANT | BLOCKS[side]
        case Contact.UNBLOCK:
            return state & ~BLOCKS[side]
    return state


def shown(state: int, side: int) -> Relation:
    """Return where the lists of an account have the other one."""
    if state & _ANY_BLOCKS:
        return Relation.BLOCKED if state & BLOCKS[side] else Relation(0)
    own, other = state & WANTS[side], state & WANTS[not side]
    if own and other:
        return Relation.FRIEND
    if own:
        return Relation.OUTGOING
    return Relation.INCOMING if other else Relation(0)


class Relations:
    """What is known of two accounts, by what they requested and were shown.

    `states` are those that are possible. `free_since_ns` is since when certainly neither of the two
    blocks the other, None if one may.
    """

    def __init__(self) -> None:
        self.states: frozenset[int] = STATES
        self.free_since_ns: int | None = None
        self._pending: set[tuple[int, Contact]] = set()

    def change(self, side: int, contact: Contact, result: ProbeResult, answered_ns: int) -> None:
        """Note a request. A request for friendship may be refused, whatever the state is."""
        if result is ProbeResult.UNKNOWN:
            self._pending.add((side, contact))
        elif result is ProbeResult.GRANTED:
            # That a request of an account that is blocked was granted is reported by `access`.
            able = {
                state
                for state in self.states
                if contact is not Contact.REQUEST or not state & _ANY_BLOCKS
            }
            self.states = frozenset(after(state, side, contact) for state in able or STATES)
        self._settle(answered_ns)

    def may_show(self, side: int) -> set[Relation]:
        """Return where the lists of an account may have the other one now."""
        return {shown(state, side) for state in self.states}

    def show(self, side: int, seen: Relation, answered_ns: int) -> None:
        """Note a list that was read. Nothing is known any more if no state explains it."""
        able = {state for state in self.states if shown(state, side) == seen}
        able = able or {state for state in STATES if shown(state, side) == seen}
        self.states = frozenset(able or STATES)
        self._settle(answered_ns)

    def _settle(self, answered_ns: int) -> None:
        self.states = _closed(self.states, self._pending)
        blocks = any(state & _ANY_BLOCKS for state in self.states)
        if blocks:
            self.free_since_ns = None
        elif self.free_since_ns is None:
            self.free_since_ns = answered_ns


def _closed(states: frozenset[int], changes: Iterable[tuple[int, Contact]]) -> frozenset[int]:
    """Return the states that any of these changes may lead to, in any order and any number."""
    found, new = set(states), set(states)
    while new:
        new = {after(state, *change) for state in new for change in changes} - found
        found |= new
    return frozenset(found)
