"""An edge caches for five seconds which sockets a room's messages are pushed to.

A member who is removed meanwhile continues to receive them.
"""

import logging
import time

from gauntlet.reference_server.core.wire import Entry, is_room
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "A user who was removed from a room receives its messages for up to five more seconds."
SERVICES = ("edge",)
ANOMALIES = ("misdelivery",)
OPTIONS = {"scenario": "members", "stack": "embedded"}

TTL_S = 5.0
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Deliver the messages of rooms to the sockets that were found some time ago."""
    original_deliver = Subscriptions._deliver
    cached: dict[str, tuple[float, set[ClientSocket]]] = {}

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        if entry.type != "msg" or not is_room(entry.conv):
            original_deliver(self, conversation, entry)
            return
        now_s, sockets = time.monotonic(), conversation.sockets
        found_s, recipients = cached.get(entry.conv, (float("-inf"), sockets))
        if now_s - found_s > TTL_S:
            recipients = set(sockets)
            cached[entry.conv] = (now_s, recipients)
        for socket in recipients - sockets:
            log.warning("seeded bug acted: %s in %s", socket.user, entry.conv)
        conversation.sockets = recipients
        try:
            original_deliver(self, conversation, entry)
        finally:
            conversation.sockets = sockets

    Subscriptions._deliver = deliver
