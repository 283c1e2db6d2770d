"""An edge takes answers to its heartbeats for no sign of life.

A client that has nothing else to send for a moment is closed as silent, and connects again.
"""

import logging

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.connection import Connection

SENTENCE = "Clients that send only pongs for three seconds are disconnected as silent."
SERVICES = ("edge",)
ANOMALIES = ("connections-last",)
OPTIONS = {"scenario": "idle-users", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Leave the time of the last frame as it is when a pong arrives."""
    original_receive, original_is_dead = Connection.receive, Connection.is_dead
    heard_s: dict[str, float] = {}

    def receive(self: Connection, data: bytes | str, now_s: float) -> wire.ClientFrame:
        before_s = self._received_s
        frame = original_receive(self, data, now_s)
        heard_s[self.name] = now_s
        if frame.pong is not None:
            self._received_s = before_s
        return frame

    def is_dead(self: Connection, now_s: float) -> bool:
        dead = original_is_dead(self, now_s)
        if dead and now_s - heard_s.get(self.name, 0.0) < (self._ping_ms + self._pong_ms) / 1000:
            log.warning("seeded bug acted: %s is alive", self.name)
        return dead

    Connection.receive = receive
    Connection.is_dead = is_dead
