"""The rules of friendship, against a model that has sets in the place of bits."""

from hypothesis import given
from hypothesis import strategies as st

from reference_server.store.relations import CHANGES, Change, blockers, standing

USERS = ("ann", "bob")


class Model:
    """Who wants, and who blocks, as two sets; written down from the protocol page."""

    def __init__(self):
        self.wants, self.blocks = set(), set()

    def relate(self, user, wish):
        """What each wish means."""
        if wish == "request" and not self.blocks:
            self.wants.add(user)
        if wish in ("part", "block"):
            self.wants.clear()
        if wish == "block":
            self.blocks.add(user)
        if wish == "unblock":
            self.blocks.discard(user)

    def seen_by(self, user):
        """The one word for it."""
        if self.blocks:
            return "blocked" if user in self.blocks else "barred"
        words = {frozenset(): "none", frozenset([user]): "outgoing", frozenset(USERS): "friends"}
        return words.get(frozenset(self.wants), "incoming")


def changed(state: int, change: Change) -> int:
    """As the SQL has it."""
    return state if state & change.unless else state & change.keep | change.put


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from(sorted(CHANGES)))))
def test_the_bits_say_what_the_model_says(steps):
    """After any wishes of two users, in any order; a repeated wish changes nothing more."""
    state, model = 0, Model()
    for side, wish in steps:
        state = changed(state, CHANGES[wish](side))
        assert changed(state, CHANGES[wish](side)) == state
        model.relate(USERS[side], wish)
        assert [standing(state, 0), standing(state, 1)] == [model.seen_by(user) for user in USERS]
        assert set(blockers(*USERS, state)) == model.blocks
