"""Who ends a friendship only withdraws their own request, so that the other's one remains.

To decline a request does nothing at all, for the same reason.
"""

import logging

from gauntlet.reference_server.store import relations
from gauntlet.reference_server.store.relations import WANTS, Change

SENTENCE = "After the end of a friendship, the request of the other user is listed again."
SERVICES = ("friend",)
ANOMALIES = ("contacts",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Clear only the request of the user who parts."""

    def part(side: int) -> Change:
        log.warning("seeded bug acted: the request of the other user is kept")
        return Change(~WANTS[side])

    relations.CHANGES = {**relations.CHANGES, "part": part}
