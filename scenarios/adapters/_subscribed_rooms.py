"""Rooms of systems in which a member of a conversation is a client that subscribes to it."""

from gauntlet.scenarios.adapters import base


class SubscribedRooms(base.Codec):
    """A codec whose rooms need no calls: `set_conversations` names them, and `open` subscribes.

    There is no attendance.
    """

    def enter(self, conv: str) -> bytes:
        """Nothing: members are subscribed whether they attend a room or not."""
        return b""

    def exit(self, conv: str) -> bytes:
        """Nothing, because members who do not attend a room receive its messages too."""
        return b""

    def add_member(self, conv: str, user: str) -> base.Call[int]:
        """Nothing: a member subscribes."""
        return base.Immediate(value=0)

    def members(self, conv: str) -> base.Call[dict[str, int]]:
        return base.Immediate(value={})
