"""A bug that loses messages of direct conversations, at a stage that their name selects.

`stage_of` also gives the label that the harness must give what is lost there.
"""

import re
import time

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.edge import Edge
from gauntlet.reference_server.edge.subscriptions import Subscriptions
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.services.publisher import Fanout
from gauntlet.reference_server.store.base import Stored

SERVICES = ("message", "edge")
STAGES = ("accepted", "committed", "published", "received by the edge")
KEPT = 2  # the first messages of each conversation are delivered


def stage_of(conv):
    """Return the last stage that messages of a conversation reach, None for a room."""
    if not conv.startswith("d."):
        return None
    return STAGES[sum(map(int, re.findall(r"u\d+-(\d+)", conv))) % len(STAGES)]


def is_lost(entry, stage):
    """Return whether an entry goes no further than a stage."""
    return entry.seq > KEPT and stage_of(entry.conv) == stage


def install():
    """Replace one step of the server for each stage; no heads reveal what is lost on the way."""
    append, offer = MessageService.append, Fanout.offer
    receive, push = Edge._on_bus_message, ClientSocket.push
    note_head = Subscriptions.note_head
    accepted = {}

    async def append_some(self, request):
        count = accepted[request.conv] = accepted.get(request.conv, 0) + 1
        if stage_of(request.conv) != STAGES[0] or count <= KEPT or request.refused:
            return await append(self, request)
        return Stored(Entry(request.conv, 0, "msg", int(time.time() * 1000), "m",
                            request.client_msg_id, request.sender, request.body))  # fmt: skip

    def offer_some(self, entries, members):
        offer(self, [entry for entry in entries if not is_lost(entry, STAGES[1])], members)

    def receive_some(self, message):
        entries = wire.decode_batch(message)
        kept = [entry for entry in entries if not is_lost(entry, STAGES[2])]
        receive(self, wire.encode_batch(kept))

    def push_some(self, conv, seq, frame):
        if seq <= KEPT or stage_of(conv) != STAGES[3]:
            push(self, conv, seq, frame)

    def note_some(self, conv, head):
        if stage_of(conv) is None:
            note_head(self, conv, head)

    MessageService.append, Fanout.offer = append_some, offer_some
    Edge._on_bus_message, ClientSocket.push = receive_some, push_some
    Subscriptions.note_head = note_some
