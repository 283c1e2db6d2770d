"""A friendship is shown to the user whose name comes first, and the other one sees a request.

The two bits of a friendship are compared in the wrong order for the second user.
"""

import logging

from gauntlet.reference_server.store import relations
from gauntlet.reference_server.store.relations import Relation

SENTENCE = "Of two friends, only the one whose name comes first sees the friendship."
SERVICES = ("friend",)
ANOMALIES = ("contacts",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Show a request to the second user."""
    original = relations.relation

    def relation(state: int, side: int) -> Relation:
        seen = original(state, side)
        if seen != "friends" or side == 0:
            return seen
        log.warning("seeded bug acted: a friend is shown as a request")
        return "incoming"

    relations.relation = relation
