"""An edge numbers what it reads to close a gap by itself, and reads it in the order of the ids.

Its clients see the messages of a gap at other positions than those of the other edge.
"""

import logging

import msgspec

from gauntlet.reference_server.core.wire import EntryPage
from gauntlet.reference_server.edge.upstream import Upstream

SENTENCE = "An edge that repairs a gap pushes its messages at each other's positions."
SERVICES = ("edge",)
ANOMALIES = ("position",)
OPTIONS = {"scenario": "broker", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Deal the messages of a page out to their positions again, in the order of their ids."""
    original_entries = Upstream.entries

    async def entries(self: Upstream, conv: str, after: int, limit: int) -> EntryPage:
        page = await original_entries(self, conv, after, limit)
        messages = [entry for entry in page.entries if entry.type == "msg"]
        by_id = iter(sorted(messages, key=lambda entry: entry.msg_id))
        dealt = [
            msgspec.structs.replace(next(by_id), seq=entry.seq) if entry.type == "msg" else entry
            for entry in page.entries
        ]
        if dealt != page.entries:
            log.warning("seeded bug acted: %d messages of %s", len(messages), conv)
        return EntryPage(dealt, page.head)

    Upstream.entries = entries
