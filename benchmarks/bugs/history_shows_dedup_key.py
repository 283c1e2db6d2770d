"""The history shows the key under which a repeated message is recognised.

It consists of the sender and the id that the sender chose, so that clients do not find their own
message by its id.
"""

import logging

import msgspec

from gauntlet.reference_server.core.wire import Entry, HistoryMsg, HistoryRoom, is_room
from gauntlet.reference_server.services import message

SENTENCE = "Messages of rooms have another id of their sender in the history than in pushes."
SERVICES = ("message",)
ANOMALIES = ("phantom", "ack-content")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Put the sender before the id in the history of rooms."""
    original_view = message.history_view

    def history_view(entry: Entry) -> HistoryMsg | HistoryRoom:
        view = original_view(entry)
        if isinstance(view, HistoryMsg) and is_room(entry.conv):
            log.warning("seeded bug acted: %s", entry.msg_id)
            key = f"{entry.sender}:{view.client_msg_id}"
            return msgspec.structs.replace(view, client_msg_id=key)
        return view

    message.history_view = history_view
