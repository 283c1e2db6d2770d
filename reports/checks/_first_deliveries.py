"""What order checks compare: each session's first sight of each message, in the order shown.

Re-presentations are `duplicate`'s. A page of history that the user asked for himself says nothing
about order: he may read backwards.
"""

from gauntlet.core.history import Channel
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import Ints


def first_deliveries(history: History) -> tuple[Ints, Ints]:
    """(message, session) of every first presentation by push or re-sync, in record order."""
    shown = history.presented
    chosen = shown.first & (shown.channel != Channel.HISTORY)
    return shown.message[chosen], shown.session[chosen]
