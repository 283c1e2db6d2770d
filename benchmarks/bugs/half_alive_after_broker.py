"""When an edge loses the broker, the task that hands entries to its clients dies.

The edge still accepts connections and answers heartbeats, so no client leaves it.
"""

import logging
from collections.abc import Iterable

from gauntlet.reference_server.bus.consumer import Consumer
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import Subscriptions
from gauntlet.reference_server.edge.upstream import Upstream
from gauntlet.reference_server.http.service_client import ServiceClient

SENTENCE = "After an outage of the broker, one edge answers heartbeats and pushes nothing more."
SERVICES = ("edge",)
ANOMALIES = ("undelivered", "unrecovered")
OPTIONS = {"scenario": "broker", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Ignore entries and heads once the broker was lost, at the edges with an odd number."""
    original_init, original_set = Upstream.__init__, Consumer._set_connected
    original_batch, original_head = Subscriptions.on_batch, Subscriptions.note_head
    affected, dead = [False], [False]

    def init(self: Upstream, edge: str, client: ServiceClient) -> None:
        original_init(self, edge, client)
        affected[0] = edge[-1] in "13579"

    def set_connected(self: Consumer, *, connected: bool) -> None:
        dead[0] = dead[0] or (affected[0] and not connected)
        original_set(self, connected=connected)

    def on_batch(self: Subscriptions, entries: Iterable[Entry]) -> None:
        if not dead[0]:
            original_batch(self, entries)
            return
        log.warning("seeded bug acted: entries ignored")

    def note_head(self: Subscriptions, conv: str, head: int) -> None:
        if not dead[0]:
            original_head(self, conv, head)

    Upstream.__init__ = init
    Consumer._set_connected = set_connected
    Subscriptions.on_batch = on_batch
    Subscriptions.note_head = note_head
