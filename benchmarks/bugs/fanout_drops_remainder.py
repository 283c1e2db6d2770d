"""An edge divides the sockets of a large room among three writers, and forgets the remainder.

Of a room with more than three sockets at one edge, the last one or two are pushed no message.
"""

import logging

from gauntlet.reference_server.core.wire import Entry, is_room
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "Members of a room whose number at an edge is no multiple of three miss every message."
SERVICES = ("edge",)
ANOMALIES = ("undelivered",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

WRITERS = 3
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Deliver the messages of rooms to as many sockets as the writers share evenly."""
    original_deliver = Subscriptions._deliver

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        sockets = conversation.sockets
        remainder = len(sockets) % WRITERS
        if entry.type != "msg" or not is_room(entry.conv) or len(sockets) <= WRITERS:
            remainder = 0
        if not remainder:
            original_deliver(self, conversation, entry)
            return
        log.warning("seeded bug acted: %d of %s", remainder, entry.conv)
        ordered = sorted(sockets, key=lambda socket: socket.core.name)
        conversation.sockets = set(ordered[:-remainder])
        try:
            original_deliver(self, conversation, entry)
        finally:
            conversation.sockets = sockets

    Subscriptions._deliver = deliver
