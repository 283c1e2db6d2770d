"""What two accounts may be to each other, as far as requests and answers show it. Pure.

Each of the two may want the friendship, and may block the other: 16 states. Two accounts that both
want it are friends. A request without an answer may take effect at any later time, so that several
states may be possible. A list that was read shows which of them it was.
"""

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gauntlet.core.history import Contact, ProbeResult, Relation

WANTS, BLOCKS = (1, 2), (4, 8)  # by side
_ALL_WANT, _ANY_BLOCKS = sum(WANTS), sum(BLOCKS)
STATES = frozenset(range(16))
# By side, besides these 16: the account has written to the other one, who was no friend.
_WROTE = (16, 32)
# Of so many requests that overlap, every order is tried; of more, each may have taken effect at
# any time, and any number of times.
_TOGETHER_MAX = 8


class Change(NamedTuple):
    """A request of one of the two accounts, with its answer and the time that it took."""

    side: int
    contact: Contact
    result: ProbeResult
    asked_ns: int
    answered_ns: int


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


def _are_friends(state: int) -> bool:
    return state & _ALL_WANT == _ALL_WANT


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
        self.change_together([Change(side, contact, result, answered_ns, answered_ns)])

    def change_together(self, changes: Sequence[Change]) -> None:
        """Note requests that overlap: those that were granted took effect once, in any order.

        One that was answered before another one was made took effect before it.
        """
        self._pending |= {
            (each.side, each.contact) for each in changes if each.result is ProbeResult.UNKNOWN
        }
        self.states = _closed(self.states, self._pending)
        granted = [each for each in changes if each.result is ProbeResult.GRANTED]
        if len(granted) > _TOGETHER_MAX:
            self.states = _closed(self.states, [(each.side, each.contact) for each in granted])
        elif granted:
            # That a request of an account that is blocked was granted is reported by `access`.
            self.states = self._in_any_order(granted) or self._with_known(STATES)
        self._settle(max(each.answered_ns for each in changes))

    def _in_any_order(self, changes: Sequence[Change]) -> frozenset[int]:
        """Return the states after these changes; none if no order explains that all were granted.

        What was not answered may take effect between them.
        """
        before = [
            sum(1 << at for at, other in enumerate(changes) if other.answered_ns < each.asked_ns)
            for each in changes
        ]
        reached = {0: self.states}  # by the set of changes that have taken effect, as bits
        whole = (1 << len(changes)) - 1
        for done in range(whole):
            for at, each in enumerate(changes) if done in reached else ():
                if done >> at & 1 or before[at] & ~done:
                    continue
                able = [
                    state
                    for state in reached[done]
                    if each.contact is not Contact.REQUEST or not state & _ANY_BLOCKS
                ]
                new = frozenset(after(state, each.side, each.contact) for state in able)
                key = done | 1 << at
                reached[key] = reached.get(key, frozenset()) | _closed(new, self._pending)
        return reached.get(whole, frozenset())

    @property
    def is_settled(self) -> bool:
        """Whether no change may take effect that was not answered."""
        return not self._pending

    def write(self, side: int) -> None:
        """Note that a direct message of an account was accepted."""
        self.states = frozenset(
            state if _are_friends(state) else state | _WROTE[side] for state in self.states
        )

    def may_write(self, side: int) -> bool:
        """Return whether a message must be accepted as another one of the account was before.

        A system may accept messages of friends alone.
        """
        return all(_are_friends(state) or state & _WROTE[side] for state in self.states)

    def may_want(self, side: int) -> bool:
        """Return whether an account may have requested the friendship, or be a friend."""
        return any(state & WANTS[side] for state in self.states)

    def may_show(self, side: int) -> set[Relation]:
        """Return where the lists of an account may have the other one now."""
        return {shown(state, side) for state in self.states}

    def show(self, side: int, seen: Relation, answered_ns: int) -> None:
        """Note a list that was read. Nothing is known any more if no state explains it."""
        able = frozenset(state for state in self.states if shown(state, side) == seen)
        if not able:
            alike = frozenset(state for state in STATES if shown(state, side) == seen)
            able = self._with_known(alike or STATES)
        self.states = able
        self._settle(answered_ns)

    def _with_known(self, states: Iterable[int]) -> frozenset[int]:
        """Return states with what is certain of earlier messages."""
        certain = functools.reduce(operator.and_, self.states) & sum(_WROTE)
        return frozenset(state | certain for state in states)

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
