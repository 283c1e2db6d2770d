"""The users store on a SQLite file, compared with the model, including a poll of the blocks."""

import asyncio
import tempfile
from itertools import combinations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gauntlet.reference_server.store import open_users
from gauntlet.reference_server.store.relations import CHANGES

from .friendship import Friendship

USERS = ["ann", "bob", "cat"]


class Friends(RuleBasedStateMachine):
    """Three users act at random; after each action every user's view equals the model's."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.store = open_users(f"sqlite://{self.folder.name}/users.db", 1000)
        self.model = {frozenset(pair): Friendship(pair) for pair in combinations(USERS, 2)}
        self.version, self.followed = 0, {}

    @rule(pair=st.permutations(USERS), action=st.sampled_from(sorted(CHANGES)))
    def relate(self, pair, action):
        user, other, _ = pair
        between = self.model[frozenset((user, other))]
        between.relate(user, action)
        assert self.runner.run(self.store.relate(user, other, action)) == between.seen_by(user)

    @rule()
    def follow(self):
        page = self.runner.run(self.store.blocks_since(self.version))
        assert page.whole == (self.version == 0)
        self.version = page.version
        self.followed.update(page.blockers)
        for pair, between in self.model.items():
            conv = "d." + ".".join(sorted(pair))
            assert set(self.followed.get(conv, [])) == between.blocks

    @invariant()
    def everyone_sees_what_the_model_says(self):
        for user in USERS:
            seen = self.runner.run(self.store.relations(user))
            for other in set(USERS) - {user}:
                expected = self.model[frozenset((user, other))].seen_by(user)
                assert seen.get(other, "none") == expected

    def teardown(self):
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()


TestFriends = Friends.TestCase
TestFriends.settings = settings(max_examples=15, stateful_step_count=20)
