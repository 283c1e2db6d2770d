"""The positions that a reader holds without being shown them: what he wrote himself.

Where the server does not send senders their own messages (no SELF_ECHO), no record tells that these
came to their author: he has them, and a push or a page is not owed.
"""

import numpy as np

from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import Bools, Ints, find, pair


class OwnPositions:
    """Of every user in every conversation; empty where senders are sent their own."""

    def __init__(self, history: History) -> None:
        known = history.messages
        chosen = known.sent & (known.position > 0) & (SELF_ECHO not in history.capabilities)
        writer = pair(known.conv[chosen], known.author[chosen])
        self._writers, writing = np.unique(writer, return_inverse=True)
        self._places = np.unique(pair(writing, known.position[chosen]))

    def holds(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        """Which of these positions hold a message of that user."""
        return self.count(conv, user, position, position) > 0

    def count(self, conv: Ints, user: Ints, first: Ints, last: Ints) -> Ints:
        """How many positions from `first` to `last` hold messages of that user."""
        writing = find(self._writers, pair(conv, user))
        low = np.searchsorted(self._places, pair(writing, first))
        high = np.searchsorted(self._places, pair(writing, last), side="right")
        return np.where(writing < 0, 0, high - low)
