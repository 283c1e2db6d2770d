"""The bits of a relation, compared with a model without bits."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reference_server.store.relations import CHANGES, Change, blockers, relation

from .friendship import USERS, Friendship


def changed(state: int, change: Change) -> int:
    """Apply a change as the SQL does."""
    return state if state & change.unless else state & change.keep | change.put


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from(sorted(CHANGES)))))
def test_the_bits_agree_with_the_model_after_any_actions(steps):
    """Repeating an action changes nothing more."""
    state, model = 0, Friendship()
    for side, action in steps:
        state = changed(state, CHANGES[action](side))
        assert changed(state, CHANGES[action](side)) == state
        model.relate(USERS[side], action)
        assert [relation(state, 0), relation(state, 1)] == [model.seen_by(user) for user in USERS]
        assert set(blockers(*USERS, state)) == model.blocks
