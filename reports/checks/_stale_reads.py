"""Reads of the last position of a conversation that knew less than clients had known before."""

from typing import NamedTuple

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports.checks._known_positions import KnownPositions, last_pages
from gauntlet.reports.checks._shared import lost_places
from gauntlet.reports.history.arrays import Bools, Ints, contains, equal, ints, is_any, pair
from gauntlet.reports.history.history import History


class StaleReads(NamedTuple):
    """Which reads of the last position knew less than the position that was known before them.

    `records` are the indices of all reads, and the others are parallel to it.
    """

    records: Ints
    known: Ints
    stale: Bools


def stale_reads(history: History) -> StaleReads:
    """Return the reads of the last position; START records are reads too."""
    records = history.records
    started = equal(records["kind"], Kind.START)
    reads = np.concatenate([last_pages(records), np.flatnonzero(started)])
    conv = ints(records["conv"][reads])
    head = ints(np.where(started, records["seq"], records["sseq"])[reads])
    known = history.once(KnownPositions).before(conv, ints(records["ref_ns"][reads]))
    stale = (head < known) & _may_read(history, reads, conv, known)
    stale &= ~_only_lost(history, conv, head, known)
    # The last messages may have disappeared, and with them the end that was known.
    return StaleReads(reads, known, stale & (not history.traits.may_disappear))


def _may_read(history: History, reads: Ints, conv: Ints, position: Ints) -> Bools:
    """Return which readers may certainly read a position; the audit may read everything."""
    by_audit, user = history.records["link"][reads] == 0, history.user[reads]
    membership = history.membership
    denied = membership.excluded(conv, user, position) | membership.unsure(conv, user)
    allowed: Bools = by_audit | ~denied
    return allowed


def _only_lost(history: History, conv: Ints, head: Ints, known: Ints) -> Bools:
    """Return where the positions after `head` up to `known` all are of lost messages.

    `lost-acked` reports these. One that was also received has been in the history, which went back.
    """
    records, lost = history.records, lost_places(history)
    if not lost.size:
        return np.zeros(conv.size, dtype=np.bool_)
    at = np.flatnonzero(is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM)))
    lost = lost[~contains(np.unique(pair(records["conv"][at], records["seq"][at])), lost)]
    before, until = (np.searchsorted(lost, pair(conv, end), "right") for end in (head, known))
    found: Bools = until - before == known - head
    return found
