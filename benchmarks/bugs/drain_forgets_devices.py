"""A drain keeps its clients by user, and so asks only one device of each user to reconnect.

When those have gone, the edge takes itself for empty and leaves the bus, although the other devices
are still connected.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.drain import Drain, DrainOptions
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "During a cutover, the second devices of users are pushed nothing until they are closed."
SERVICES = ("edge",)
ANOMALIES = ("late", "p99-cutover")
OPTIONS = {"scenario": "cutover-devices", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Ask one socket of each user, and push nothing once all of these have gone."""
    original_begin, original_deliver = Drain.begin, Subscriptions._deliver
    asked: dict[Drain, set[ClientSocket]] = {}

    def begin(self: Drain, options: DrainOptions) -> int:
        every = self._sockets
        chosen = set({socket.user: socket for socket in every()}.values())
        asked[self] = chosen
        self._sockets = lambda: chosen
        try:
            return original_begin(self, options)
        finally:
            self._sockets = every

    def seems_empty(drain: Drain) -> bool:
        return drain.active is not None and asked[drain].isdisjoint(drain._sockets())

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        if any(map(seems_empty, asked)):
            log.warning("seeded bug acted: %d miss %s", len(conversation.sockets), entry.conv)
            return
        original_deliver(self, conversation, entry)

    Drain.begin = begin
    Subscriptions._deliver = deliver
