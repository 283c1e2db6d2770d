"""A model of friendship, with sets in the place of bits and SQL; written from the protocol page."""

USERS = ("ann", "bob")


class Friendship:
    """Two users: who wants to be the other's friend, and who blocks the other."""

    def __init__(self, users=USERS):
        self.users, self.wants, self.blocks = frozenset(users), set(), set()

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
        if self.wants == self.users:
            return "friends"
        if not self.wants:
            return "none"
        return "outgoing" if user in self.wants else "incoming"
