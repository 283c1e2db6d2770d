"""An edge collects the pushes to a connection for 50 ms, and sends them in the order of their ids.

The map that collects them has the identity of the message as its key.
"""

import asyncio
import logging
from collections import defaultdict

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket, text_frame
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "Pushes to a connection within 50 ms are sent in the order of the client's ids."
SERVICES = ("edge",)
ANOMALIES = ("wire-order",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

COLLECTED_S = 0.05
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Write the pushes of each interval sorted."""
    original_deliver = Subscriptions._deliver
    delivering = [""]
    collected: defaultdict[ClientSocket, list[tuple[str, str, bytes]]] = defaultdict(list)

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        delivering[0] = entry.client_msg_id
        original_deliver(self, conversation, entry)

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        gap = self.core.advance(conv, seq)
        if gap is None:
            return
        if self not in collected:
            asyncio.get_running_loop().call_later(COLLECTED_S, flush, self)
        collected[self].append((conv, delivering[0], text_frame(gap) + frame if gap else frame))
        if self._trail is not None:
            self._trail.push(self.user, self.device, conv, seq)

    def flush(socket: ClientSocket) -> None:
        pushes = collected.pop(socket)
        by_id = sorted(pushes, key=lambda each: each[1])
        for conv in {conv for conv, _, _ in pushes}:
            if [each for each in by_id if each[0] == conv] != [
                each for each in pushes if each[0] == conv
            ]:
                log.warning("seeded bug acted: %s for %s", conv, socket.user)
        for _, _, frame in by_id:
            socket.write(frame)

    Subscriptions._deliver = deliver
    ClientSocket.push = push
