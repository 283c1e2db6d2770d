"""After a failed call the room service writes each exit twice, in case the first one gets lost.

The message service does not check whether the stay has ended already.
"""

import logging
import time

import msgspec

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import RoomEventPosition, RoomEventRequest
from gauntlet.reference_server.services.room import RoomService
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "In the five seconds after an outage of the message service, exits are written twice."
SERVICES = ("room", "message")
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "rooms-restart", "stack": "embedded"}

CAUTIOUS_S = 5.0
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Repeat exits after a failure, and accept the exit of a user who is not present."""
    original_append = RoomService._append
    failed_s = [float("-inf")]

    async def append(self: RoomService, event: RoomEventRequest) -> RoomEventPosition:
        try:
            position = await original_append(self, event)
        except ApiError:
            failed_s[0] = time.monotonic()
            raise
        if event.event == "exited" and time.monotonic() - failed_s[0] < CAUTIOUS_S:
            log.warning("seeded bug acted: %s exits %s", event.user, event.conv)
            await original_append(self, msgspec.structs.replace(event, key=f"{event.key}:again"))
        return position

    def exited(
        request: AppendRequest, state: ConversationState, plan: AppendPlan
    ) -> Outcome | None:
        state.present.pop(request.user, None)
        plan.present[request.conv, request.user] = None
        return None

    RoomService._append = append
    append_plan.EVENTS = {**append_plan.EVENTS, "exited": exited}
