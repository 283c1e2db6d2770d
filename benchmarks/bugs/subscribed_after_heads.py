"""A connection subscribes 100 ms after its heads were read, and nothing records that interval.

What is committed in between is neither covered by the heads nor pushed, and no gap is announced.
"""

import asyncio
import logging

from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions
from gauntlet.reference_server.edge.upstream import Upstream

SENTENCE = "Messages that are committed while a client reconnects are neither pushed nor announced."
SERVICES = ("edge",)
ANOMALIES = ("wire-order", "undelivered")
OPTIONS = {"scenario": "cut", "stack": "embedded"}

DELAY_S = 0.1
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Delay the answer with the heads, and begin pushes at the position of the edge."""
    original_heads, original_add = Upstream.heads, Subscriptions._add_socket

    async def heads(self: Upstream, user: str) -> HeadsPage:
        page = await original_heads(self, user)
        await asyncio.sleep(DELAY_S)
        return page

    def add_socket(
        self: Subscriptions, conversation: LocalConversation, socket: ClientSocket, next_seq: int
    ) -> None:
        expected = socket.core._next_seq.get(conversation.conv, next_seq)
        if expected < next_seq:
            log.warning("seeded bug acted: %s misses %d", conversation.conv, next_seq - expected)
            socket.core._next_seq[conversation.conv] = next_seq
        original_add(self, conversation, socket, next_seq)

    Upstream.heads = heads
    Subscriptions._add_socket = add_socket
