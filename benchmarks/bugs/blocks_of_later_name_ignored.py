"""Blocks are enforced only for that user of a pair whose name comes first.

The list of changed blocks that the message service polls is built from one of the two bits.
"""

import logging

from gauntlet.reference_server.store import relations

SENTENCE = "A user cannot block another one whose name comes before theirs."
SERVICES = ("friend",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Report the block of the first user only."""
    original = relations.blockers

    def blockers(low: str, high: str, state: int) -> list[str]:
        found = original(low, high, state)
        if high in found:
            log.warning("seeded bug acted: the block of %s by %s is ignored", low, high)
        return [user for user in found if user == low]

    relations.blockers = blockers
