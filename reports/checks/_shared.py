"""What several checks need: first deliveries for order, and the positions of a reader's own."""

import numpy as np

from gauntlet.core.history import Channel
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.history.arrays import Bools, Ints, find, pair
from gauntlet.reports.history.history import History


def first_deliveries(history: History) -> tuple[Ints, Ints]:
    """Return (message, session) of every first presentation by push or re-sync, in record order.

    Later presentations are the concern of `duplicate`. A page of history that the user requested
    carries no information about order, because users may read backwards.
    """
    presentations = history.presentations
    chosen = presentations.first & (presentations.channel != Channel.HISTORY)
    return presentations.message[chosen], presentations.session[chosen]


class OwnPositions:
    """The positions of the messages that each user wrote in each conversation.

    Where the server does not send senders their own messages (no SELF_ECHO), no record shows that
    these reached their author. The author has them anyway, so neither a push nor a page is expected
    to contain them. Where SELF_ECHO is declared, there are no such positions.
    """

    def __init__(self, history: History) -> None:
        messages = history.messages
        chosen = messages.sent & (messages.position > 0) & (SELF_ECHO not in history.capabilities)
        writers = pair(messages.conv[chosen], messages.author[chosen])
        self._writers, writer = np.unique(writers, return_inverse=True)
        self._positions = np.unique(pair(writer, messages.position[chosen]))

    def contain(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        """Return which of these positions hold a message of that user."""
        return self.count(conv, user, position, position) > 0

    def count(self, conv: Ints, user: Ints, first: Ints, last: Ints) -> Ints:
        """Return how many of the positions `first` to `last` hold a message of that user."""
        writer = find(self._writers, pair(conv, user))
        low = np.searchsorted(self._positions, pair(writer, first))
        high = np.searchsorted(self._positions, pair(writer, last), side="right")
        return np.where(writer < 0, 0, high - low)
