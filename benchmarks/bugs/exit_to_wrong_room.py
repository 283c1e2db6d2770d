"""An edge broadcasts the exit of a user to the members of another room."""

import logging

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.client_socket import text_frame
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "An exit is pushed to the members of another room instead of those of its own."
SERVICES = ("edge",)
ANOMALIES = ("exit", "misdelivery")
OPTIONS = {"scenario": "rooms", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Exchange the sockets of an exit if the edge serves more than one room."""
    original_deliver = Subscriptions._deliver

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: wire.Entry) -> None:
        rooms = [conv for conv in sorted(self._conversations) if wire.is_room(conv)]
        others = [conv for conv in rooms if conv != entry.conv]
        if entry.event != "exited" or not others:
            original_deliver(self, conversation, entry)
            return
        log.warning("seeded bug acted: %s for %s", others[0], entry.conv)
        for socket in conversation.sockets:
            socket.core.advance(entry.conv, entry.seq)
        for socket in self._conversations[others[0]].sockets - conversation.sockets:
            socket.write(text_frame(wire.encode_push(entry)))

    Subscriptions._deliver = deliver
