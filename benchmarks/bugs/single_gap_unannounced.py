"""An edge compares positions with `>` where `>=` was meant, so it overlooks a gap of one message.

One of 40 messages of the bus is lost, which a correct edge repairs.
"""

import logging
from collections.abc import Iterator
from itertools import count

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.connection import Connection
from gauntlet.reference_server.edge.reorder_buffer import Conversation

SENTENCE = "A gap of exactly one message is neither filled nor announced to the clients."
SERVICES = ("edge",)
ANOMALIES = ("wire-order",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Lose messages of the bus by count, and step over a single missing position."""
    original_decode, original_offer = wire.decode_batch, Conversation.offer
    original_advance = Connection.advance
    numbers = count(1)

    def decode_batch(data: bytes) -> list[Entry]:
        entries = original_decode(data)
        return [entry for entry in entries if entry.type != "msg" or next(numbers) % 40]

    def offer(self: Conversation, entry: Entry, now_s: float) -> Iterator[Entry]:
        if entry.seq == self.next_seq + 1 and self.next_seq not in self._pending:
            log.warning("seeded bug acted: %d of %s", self.next_seq, self.conv)
            self.next_seq = entry.seq
        yield from original_offer(self, entry, now_s)

    def advance(self: Connection, conv: str, seq: int) -> bytes | None:
        if self._next_seq.get(conv) == seq - 1:
            self._next_seq[conv] = seq
        return original_advance(self, conv, seq)

    wire.decode_batch = decode_batch
    Conversation.offer = offer
    Connection.advance = advance
