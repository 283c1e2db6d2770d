"""The edge keeps one connection per user and conversation.

When a second device of a user connects to the same edge, the first one is pushed nothing more.
"""

import logging

from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "A user's second device at the same edge takes over the pushes of the first one."
SERVICES = ("edge",)
ANOMALIES = ("undelivered",)
OPTIONS = {"scenario": "devices", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Discard the user's other sockets when one subscribes to a conversation."""
    original_add = Subscriptions._add_socket

    def add_socket(
        self: Subscriptions, conversation: LocalConversation, socket: ClientSocket, next_seq: int
    ) -> None:
        for other in tuple(conversation.sockets):
            if other.user == socket.user and other is not socket:
                log.warning("seeded bug acted: %s replaced", other.core.name)
                conversation.sockets.discard(other)
        original_add(self, conversation, socket, next_seq)

    Subscriptions._add_socket = add_socket
