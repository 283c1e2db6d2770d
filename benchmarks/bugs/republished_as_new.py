"""A message whose publication was not confirmed in time is sent through the store again.

It is committed a second time under a new identity when the broker fails.
"""

import asyncio
import logging
import secrets

from gauntlet.reference_server.bus.base import BusDown
from gauntlet.reference_server.core import wire
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.services.publisher import Fanout
from gauntlet.reference_server.store.base import AppendRequest

SENTENCE = "Messages without a confirmation of the broker are stored a second time."
SERVICES = ("message",)
ANOMALIES = ("duplicate",)
OPTIONS = {"scenario": "broker", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Append the entries of a failed publication as new messages."""
    original_start, original_send = MessageService.start, Fanout._send
    services: list[MessageService] = []
    tasks: set[asyncio.Task[object]] = set()

    async def start(self: MessageService) -> None:
        services.append(self)
        await original_start(self)

    async def send(self: Fanout, queue: str, entries: list[wire.Entry]) -> None:
        try:
            await self._bus.publish(queue, b"")  # an edge ignores an empty message
        except BusDown:
            for entry in entries:
                if entry.type == "msg":
                    log.warning("seeded bug acted: %s", entry.msg_id)
                    again = AppendRequest(
                        entry.conv, secrets.token_hex(8), entry.sender, entry.body
                    )
                    tasks.add(asyncio.create_task(services[0].append(again)))
        except Exception:  # noqa: BLE001 - the original call below handles it
            log.debug("undeliverable")
        await original_send(self, queue, entries)

    MessageService.start = start
    Fanout._send = send
