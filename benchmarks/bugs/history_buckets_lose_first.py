"""The history is stored in buckets of 25 positions, and a page is put together from its buckets.

The rest of a page continues after the first position of the next bucket instead of at it, so that
the audit never sees that entry either: it is as lost as it is left out.
"""

import logging

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A page of history lacks the first entry of every bucket but the one that it begins in."
SERVICES = ("message",)
ANOMALIES = ("history-gap", "lost-acked")
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

BUCKET = 25
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Leave the first entries of later buckets out of the pages that clients read."""
    original = MessageService.history

    async def history(self: MessageService, request: Request) -> Response:
        response = await original(self, request)
        page = msgspec.json.decode(response.body)
        seqs = [entry["seq"] for entry in page["messages"]]
        kept = [entry for entry in page["messages"] if not _is_lost(entry["seq"], seqs[0])]
        if len(kept) == len(seqs):
            return response
        log.warning("seeded bug acted: %d of %s", len(seqs) - len(kept), request.params["conv"])
        return reply({**page, "messages": kept}, response.status)

    MessageService.history = history


def _is_lost(seq: int, first: int) -> bool:
    return seq % BUCKET == 0 and seq // BUCKET > first // BUCKET
