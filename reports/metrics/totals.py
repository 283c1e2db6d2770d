"""What happened, counted from the records and held against what the load itself counted."""

from collections.abc import Iterator
from typing import Any

from gauntlet.core.history import Channel, Kind
from gauntlet.reports.history.history import History

RECONCILED = ("ops", "acked", "rejected", "unknown", "expected", "presented", "missing")
# What loads did not count at first: held against their lines where these have it.
RECONCILED_LATER = ("intended", "missed")


def count(history: History) -> dict[str, int]:
    """Arrivals and ops by outcome; deliveries expected, presented, missing; how they came."""
    messages, expected = history.messages, history.expected
    ended = messages.sent & ~messages.acked
    records = history.records
    ops, missed = int(messages.sent.sum()), history.missed.intended_ns.size
    return {
        "intended": ops + missed,
        "missed": missed,
        "ops": ops,
        "acked": int((messages.sent & messages.acked).sum()),
        "rejected": int((ended & messages.rejected).sum()),
        "unknown": int((ended & ~messages.rejected & messages.given_up).sum()),
        "attempts": int((records["kind"] == Kind.ATTEMPT).sum()),
        "expected": expected.message.size,
        "presented": int((~expected.missing).sum()),
        "missing": int(expected.missing.sum()),
        "resynced": int((expected.channel[~expected.missing] == Channel.RESYNC).sum()),
        "connections": history.sessions.connections.link.size,
        "users": len(history.names.users),
        "conversations": len(history.names.convs),
    }


def disagreements(counted: dict[str, int], declared: tuple[dict[str, Any], ...]) -> Iterator[str]:
    """Sentences on every number that does not add up: nothing is assumed, all is counted."""
    ends = counted["acked"] + counted["rejected"] + counted["unknown"]
    if counted["ops"] != ends:
        yield f"{counted['ops']:,} ops were begun, the records end {ends:,} of them"
    later = (name for name in RECONCILED_LATER if all(name in row for row in declared))
    for name in (*RECONCILED, *later):
        total = sum(row[name] for row in declared)
        if total != counted[name]:
            yield f"the load counted {total:,} {name}, its records say {counted[name]:,}"
