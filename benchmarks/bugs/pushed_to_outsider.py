"""A room's fan-out list holds one user too many.

Every 30th message of a room is also pushed to a user of the same edge who is not a member.
"""

import logging
from itertools import count

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.client_socket import text_frame
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "Every 30th message of a room is also pushed to a user who is not a member."
SERVICES = ("edge",)
ANOMALIES = ("misdelivery",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Write some messages of rooms to one more socket."""
    original_deliver = Subscriptions._deliver
    numbers = count(1)

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: wire.Entry) -> None:
        original_deliver(self, conversation, entry)
        if not wire.is_room(entry.conv) or entry.type != "msg" or next(numbers) % 30:
            return
        live = {socket for sockets in self._live.values() for socket in sockets}
        outsiders = sorted(live - conversation.sockets, key=lambda socket: socket.user)
        for socket in outsiders[:1]:
            log.warning("seeded bug acted: %s gets %s", socket.user, entry.conv)
            socket.write(text_frame(wire.encode_push(entry)))

    Subscriptions._deliver = deliver
