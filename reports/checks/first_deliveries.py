"""What order checks compare: each session's first sight of each message, in the order shown.

Re-presentations are `duplicate`'s. A page of history that the user asked for himself says nothing
about order: he may read backwards.
"""

import numpy as np

from gauntlet.kernel.history import Channel
from reports.columns import Ints, pair
from reports.model import History


def first_deliveries(history: History) -> tuple[Ints, Ints]:
    """(message, session) of every first presentation by push or re-sync, in record order."""
    shown = history.presented
    _, first = np.unique(pair(shown.message, shown.session), return_index=True)
    first.sort()
    first = first[shown.channel[first] != Channel.HISTORY]
    return shown.message[first], shown.session[first]
