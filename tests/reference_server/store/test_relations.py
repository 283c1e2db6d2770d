"""The rules of friendship: what the bits say, and what a model without bits says."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reference_server.store.relations import CHANGES, Change, blockers, relation

from .friendship import USERS, Friendship


def changed(state: int, change: Change) -> int:
    """As the SQL has it."""
    return state if state & change.unless else state & change.keep | change.put


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from(sorted(CHANGES)))))
def test_the_bits_say_what_the_model_says(steps):
    """After any wishes of two users, in any order; a repeated wish changes nothing more."""
    state, model = 0, Friendship()
    for side, wish in steps:
        state = changed(state, CHANGES[wish](side))
        assert changed(state, CHANGES[wish](side)) == state
        model.relate(USERS[side], wish)
        assert [relation(state, 0), relation(state, 1)] == [model.seen_by(user) for user in USERS]
        assert set(blockers(*USERS, state)) == model.blocks
