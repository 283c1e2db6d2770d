"""A block only hides the friendship of two users, and the end of the block shows it again.

The action sets the bit of the block, and leaves the bits of the friendship to be cleared later.
"""

import logging

from gauntlet.reference_server.store import relations
from gauntlet.reference_server.store.relations import BLOCKS, ONCE_BLOCKED, Change

SENTENCE = "Two users whose friendship was ended by a block are friends again when it is removed."
SERVICES = ("friend",)
ANOMALIES = ("contacts",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep the requests of both users when one of them blocks the other."""

    def block(side: int) -> Change:
        log.warning("seeded bug acted: what was between the two users is kept")
        return Change(~0, BLOCKS[side] | ONCE_BLOCKED)

    relations.CHANGES = {**relations.CHANGES, "block": block}
