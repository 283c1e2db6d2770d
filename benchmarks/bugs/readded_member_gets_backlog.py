"""An edge remembers how far a removed member has read, and continues there when they return.

The user is pushed what was written while they were no member.
"""

import logging
from collections import defaultdict, deque

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import text_frame
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "A user who is added to a room again is pushed the messages of their absence."
SERVICES = ("edge",)
ANOMALIES = ("misdelivery",)
OPTIONS = {"scenario": "members", "stack": "embedded"}

KEPT = 200  # entries of each conversation
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Push the entries between the removal and the addition before the addition."""
    original_deliver = Subscriptions._deliver
    recent: defaultdict[str, deque[Entry]] = defaultdict(lambda: deque(maxlen=KEPT))

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        if entry.event == "added":
            for socket in self._live.get(entry.user, ()):
                if entry.conv not in socket.core.conversations:
                    continue  # never a member on this connection
                for missed in recent[entry.conv]:
                    if missed.type == "msg":
                        log.warning("seeded bug acted: %d for %s", missed.seq, entry.user)
                    frame = text_frame(wire.encode_push(missed))
                    socket.push(entry.conv, missed.seq, frame)
        recent[entry.conv].append(entry)
        original_deliver(self, conversation, entry)

    Subscriptions._deliver = deliver
