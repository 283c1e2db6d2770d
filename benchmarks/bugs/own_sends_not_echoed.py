"""An edge does not push a message to its sender, who has it already, except on one device.

Further devices of the sender are told nothing, and no gap is announced.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "What a user sends is pushed to one of their devices on an edge only."
SERVICES = ("edge",)
ANOMALIES = ("wire-order", "undelivered")
OPTIONS = {"scenario": "devices", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Count the push as done for all connections of the sender but the first device's."""
    original_deliver, original_push = Subscriptions._deliver, ClientSocket.push
    informed: set[ClientSocket] = set()  # connections that are taken to have the entry already

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        own = sorted(self.sockets_of(entry.sender), key=lambda socket: socket.device)
        informed.clear()
        informed.update(own[1:])
        original_deliver(self, conversation, entry)
        informed.clear()

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        if self not in informed:
            original_push(self, conv, seq, frame)
            return
        log.warning("seeded bug acted: %s %s lacks %s %d", self.user, self.device, conv, seq)
        self.core.advance(conv, seq)

    Subscriptions._deliver = deliver
    ClientSocket.push = push
