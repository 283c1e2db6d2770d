"""An edge unsubscribes a removed member from all of their conversations instead of one.

They receive nothing of the other ones until they connect again.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "A member who is removed from one room is pushed nothing of their others any more."
SERVICES = ("edge",)
ANOMALIES = ("undelivered", "late")
OPTIONS = {"scenario": "members-direct", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Remove every subscription of a socket whose user is removed from one room."""
    original = Subscriptions._deliver

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        original(self, conversation, entry)
        if entry.event != "removed":
            return
        for socket in self.sockets_of(entry.user):
            for conv in socket.core.conversations:
                other = self._conversations.get(conv)
                if other is not None and socket in other.sockets:
                    log.warning("seeded bug acted: %s is deaf in %s", entry.user, conv)
                    self._remove_socket(other, socket)

    Subscriptions._deliver = deliver
