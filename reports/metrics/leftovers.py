"""Counts the messages of earlier runs that this run has met."""

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.history.arrays import has_flag
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History


def count_leftovers(history: History) -> dict[str, int]:
    """Return `leftovers` of result.json: the copies that were pushed, read, and audited.

    `read` are those that receivers read from the history, and `audited` those that the audit found.
    A message that several users received counts once for each of them.
    """
    return history.once(leftovers_of)


def leftovers_of(history: History) -> dict[str, int]:
    records = history.records
    left = records[has_flag(records["flags"], Flag.LEFTOVER)]
    audited, pushed = left["kind"] == Kind.AUDIT, left["flags"] & CHANNEL_BITS == Channel.LIVE
    return {
        "pushed": int((~audited & pushed).sum()),
        "read": int((~audited & ~pushed).sum()),
        "audited": int(audited.sum()),
    }
