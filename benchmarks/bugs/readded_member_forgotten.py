"""An edge remembers for a minute who was removed from a room, and subscribes none of them again.

A member who is added again meanwhile is pushed nothing.
"""

import logging
import time

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "A user who is removed from a room and added again is pushed no message of that room."
SERVICES = ("edge",)
ANOMALIES = ("undelivered",)
OPTIONS = {"scenario": "members", "stack": "embedded"}

KEPT_S = 60.0
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Record removals, and leave the sockets of removed users out of the subscriptions."""
    original_deliver, original_add = Subscriptions._deliver, Subscriptions._add_socket
    removed_s: dict[tuple[str, str], float] = {}

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        original_deliver(self, conversation, entry)
        if entry.event == "removed":
            removed_s[entry.conv, entry.user] = time.monotonic()

    def add_socket(
        self: Subscriptions, conversation: LocalConversation, socket: ClientSocket, next_seq: int
    ) -> None:
        key = (conversation.conv, socket.user)
        if time.monotonic() - removed_s.get(key, float("-inf")) < KEPT_S:
            log.warning("seeded bug acted: %s in %s", socket.user, conversation.conv)
            return
        original_add(self, conversation, socket, next_seq)

    Subscriptions._deliver = deliver
    Subscriptions._add_socket = add_socket
