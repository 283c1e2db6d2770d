"""An edge that drains leaves the bus before its clients have left.

Clients that have not reconnected yet receive nothing until they do.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.drain import Drain, DrainOptions
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions

SENTENCE = "During a cutover, clients that have not moved yet are pushed nothing."
SERVICES = ("edge",)
ANOMALIES = ("late",)
OPTIONS = {"scenario": "cutover", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Drop every push from the start of a drain on."""
    original_begin, original_deliver = Drain.begin, Subscriptions._deliver
    draining: set[Drain] = set()

    def begin(self: Drain, options: DrainOptions) -> int:
        draining.add(self)
        return original_begin(self, options)

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        if any(drain.active for drain in draining):
            log.warning("seeded bug acted: %s", entry.conv)
            return
        original_deliver(self, conversation, entry)

    Drain.begin = begin
    Subscriptions._deliver = deliver
