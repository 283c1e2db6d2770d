"""A filter against spam hides messages with a link from everyone but their sender.

The sender gets a normal acknowledgement and sees the message; the others get a gap.
"""

import logging

import msgspec

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import text_frame
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions
from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "Messages that contain a link are shown to their sender only."
SERVICES = ("edge", "message")
ANOMALIES = ("undelivered", "history-gap")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

LINK = "https://"
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Leave messages with a link out of pushes and of pages."""
    original_deliver, original_history = Subscriptions._deliver, MessageService.history

    def deliver(self: Subscriptions, conversation: LocalConversation, entry: Entry) -> None:
        if LINK not in entry.body:
            original_deliver(self, conversation, entry)
            return
        log.warning("seeded bug acted: %d of %s", entry.seq, entry.conv)
        frame = text_frame(wire.encode_push(entry))
        for socket in conversation.sockets:
            if socket.user == entry.sender:
                socket.push(entry.conv, entry.seq, frame)

    async def history(self: MessageService, request: Request) -> Response:
        response = await original_history(self, request)
        page = msgspec.json.decode(response.body)
        shown = [
            entry
            for entry in page["messages"]
            if LINK not in entry.get("body", "") or entry["sender"] == request.user
        ]
        return reply({**page, "messages": shown}, response.status)

    Subscriptions._deliver = deliver
    MessageService.history = history
