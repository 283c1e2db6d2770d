"""A new connection receives the last message of each conversation again after its heads."""

import logging

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.client_socket import ClientSocket, text_frame
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "After a reconnect, messages that the heads cover are pushed once more."
SERVICES = ("edge",)
ANOMALIES = ("resync-replay",)
OPTIONS = {"scenario": "cut", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Remember the last frame of each conversation, and write it to a socket that subscribes."""
    original_deliver = Subscriptions._deliver
    original_from = Subscriptions._subscribe_from
    last: dict[str, tuple[int, bytes]] = {}

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: wire.Entry) -> None:
        if entry.type == "msg":
            last[entry.conv] = (entry.seq, text_frame(wire.encode_push(entry)))
        original_deliver(self, conversation, entry)

    def subscribe_from(self: Subscriptions, socket: ClientSocket, conv: str, start: int) -> None:
        original_from(self, socket, conv, start)
        seq, frame = last.get(conv, (start, b""))
        if seq < start:
            log.warning("seeded bug acted: %s at %d", conv, seq)
            socket.write(frame)

    Subscriptions._deliver = deliver
    Subscriptions._subscribe_from = subscribe_from
