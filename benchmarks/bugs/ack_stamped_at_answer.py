"""The answer to a send is stamped when it is written, not with the stamp of the stored message.

The sender's own copy shows another time than everyone else's; after a repeated send by seconds.
"""

import logging
from typing import Any

from gauntlet.reference_server.core import clock
from gauntlet.reference_server.services import message
from gauntlet.reference_server.services.send_values import SendResult

SENTENCE = "The answer to a send states the time of the answer instead of the message's."
SERVICES = ("message",)
ANOMALIES = ("timestamps",)
OPTIONS = {"scenario": "deaf", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Take the time again when the answer is built."""

    def result(conv: str, seq: int, msg_id: str, ts: int, dup: bool) -> Any:  # noqa: FBT001 - as it is called
        now_ms = clock.now_ms()
        if now_ms != ts:
            log.warning("seeded bug acted: %s %d is %d ms younger", conv, seq, now_ms - ts)
        return SendResult(conv, seq, msg_id, now_ms, dup)

    message.SendResult = result
