"""The history escapes markup for a browser, which pushes do not do.

Only clients that read a message from the history see `&lt;` instead of `<`.
"""

import html
import logging

import msgspec

from gauntlet.reference_server.core.wire import Entry, HistoryMsg, HistoryRoom
from gauntlet.reference_server.services import message

SENTENCE = "Markup in a body is escaped when the message is read from the history."
SERVICES = ("message",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Escape `<`, `>` and `&` in the public history."""
    original_view = message.history_view

    def history_view(entry: Entry) -> HistoryMsg | HistoryRoom:
        body = html.escape(entry.body, quote=False)
        if body != entry.body:
            log.warning("seeded bug acted: %s", entry.msg_id)
        return original_view(msgspec.structs.replace(entry, body=body))

    message.history_view = history_view
