"""The totals of a run, counted from the records and compared with what the load counted."""

from collections.abc import Iterator
from typing import Any

from gauntlet.core.history import Channel, Kind
from gauntlet.reports.history.arrays import equal
from gauntlet.reports.history.history import History

RECONCILED = ("ops", "acked", "rejected", "unknown", "expected", "presented", "missing")
# Older loads did not count these: they are compared only where every reconciliation line has them.
RECONCILED_LATER = ("intended", "missed", "untried")
_DELIVERIES = ("expected", "presented", "missing")
_NOUNS = {
    "ops": "ops",
    "acked": "acknowledged ops",
    "rejected": "rejected ops",
    "untried": "ops that were never attempted",
    "unknown": "ops with an unknown outcome",
    "expected": "expected deliveries",
    "presented": "presented deliveries",
    "missing": "missing deliveries",
    "intended": "intended sends",
    "missed": "missed arrivals",
}


def count_totals(history: History) -> dict[str, int]:
    """Return `counts` of result.json: arrivals and ops by outcome, and deliveries."""
    return history.once(totals_of_records) | {
        "connections": history.sessions.connections.link.size,
        "users": len(history.names.users),
        "conversations": len(history.names.convs),
    }


def totals_of_records(history: History) -> dict[str, int]:
    """Return the totals that are sums over the conversations."""
    messages, expected = history.messages, history.expected
    unacked = messages.sent & ~messages.acked
    records = history.records
    ops, missed = int(messages.sent.sum()), history.missed.intended_ns.size
    return {
        "intended": ops + missed,
        "missed": missed,
        "ops": ops,
        "acked": int((messages.sent & messages.acked).sum()),
        "handed_over": int((messages.sent & messages.handed_over).sum()),
        "rejected": int((unacked & messages.rejected & ~messages.untried).sum()),
        "untried": int((unacked & messages.untried).sum()),
        "unknown": int((unacked & ~messages.rejected & messages.given_up).sum()),
        "attempts": int(equal(records["kind"], Kind.ATTEMPT).sum()),
        "expected": expected.message.size,
        "presented": int((~expected.missing).sum()),
        "missing": int(expected.missing.sum()),
        "resynced": int((expected.channel[~expected.missing] == Channel.RESYNC).sum()),
    }


def disagreements(counted: dict[str, int], declared: tuple[dict[str, Any], ...]) -> Iterator[str]:
    """Yield a clause for every number on which the records and the load disagree."""
    ended = counted["acked"] + counted["rejected"] + counted["untried"] + counted["unknown"]
    if counted["ops"] != ended:
        yield f"{counted['ops']:,} ops were begun, but the records show the end of {ended:,}"
    if any(row.get("imported") for row in declared):
        return  # the history comes from elsewhere, and its source counted nothing
    # A load that removes members counts what it waits for, which is less than what may be expected.
    removed = any(row.get("removals") for row in declared)
    later = (name for name in RECONCILED_LATER if all(name in row for row in declared))
    for name in (*RECONCILED, *later):
        if removed and name in _DELIVERIES:
            continue
        total = sum(row[name] for row in declared)
        if total != counted[name]:
            counted_by_load = f"the load counted {total:,} {_NOUNS[name]}"
            yield f"{counted_by_load}, but its records contain {counted[name]:,}"
