"""A model of friendship with sets instead of bits and SQL, written from the protocol page."""

USERS = ("ann", "bob")


class Friendship:
    """Two users: who requests the friendship, and who blocks the other."""

    def __init__(self, users=USERS):
        self.users, self.wants, self.blocks = frozenset(users), set(), set()

    def relate(self, user, action):
        """Apply an action of a user."""
        if action == "request" and not self.blocks:
            self.wants.add(user)
        if action in ("part", "block"):
            self.wants.clear()
        if action == "block":
            self.blocks.add(user)
        if action == "unblock":
            self.blocks.discard(user)

    def seen_by(self, user):
        """Return the relation as a user sees it."""
        if self.blocks:
            return "blocked" if user in self.blocks else "barred"
        if self.wants == self.users:
            return "friends"
        if not self.wants:
            return "none"
        return "outgoing" if user in self.wants else "incoming"
