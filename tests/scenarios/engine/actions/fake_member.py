"""A member whose requests get prepared answers, for actions that read something."""

from types import SimpleNamespace


class FakeMember:
    """A member, perhaps without a connection, or not a member any more; also its own codec.

    A subclass adds the request, which takes the next of the answers.
    """

    def __init__(self, user, answers):
        self.user, self.connected, self.member = user, True, True
        self.errors = []
        self.request_channel = SimpleNamespace(
            codec=self,
            gateway=0,
            connection_number=10 + user.number,
            record_error=self.errors.append,
        )
        self._answers = answers

    def is_member(self, _conv):
        return self.member
