"""An edge that is started again within ten minutes takes the epoch of its last boot.

Its connections get the names that connections of the last boot had, whose stays in rooms still go
on.
"""

import logging
import time

from gauntlet.reference_server.edge import edge

SENTENCE = "Connections of a restarted edge have the names of those that ended with its crash."
SERVICES = ("edge",)
ANOMALIES = ("identity", "exit")
OPTIONS = {"scenario": "edge-dead", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Round the time of the boot."""

    def new_epoch() -> str:
        log.warning("seeded bug acted: the epoch is not of this boot alone")
        return f"{int(time.time()) // 600:013d}"

    edge.new_epoch = new_epoch
