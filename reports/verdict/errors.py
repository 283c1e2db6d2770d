"""`errors` of result.json, and the sentences about errors that a verdict must not hide."""

from collections.abc import Iterator, Sequence
from typing import Any

from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.errors import ErrorGroup, Period
from gauntlet.reports.history.events import Events
from gauntlet.reports.metrics.recovery import Recovery

SHOWN_MAX = 50
_SLOW_CONSUMER = "slow_consumer"


def table(events: Events) -> list[dict[str, Any]]:
    """Return `errors` of result.json: the most frequent first, at most `SHOWN_MAX`."""
    return [
        {
            "concerns": group.concerns,
            "text": group.text,
            "count": group.count,
            "first_s": events.at_s(group.first_ns),
            "last_s": events.at_s(group.last_ns),
            "workers": sorted(group.workers),
        }
        for group in events.errors[:SHOWN_MAX]
    ]


def caveats(events: Events, scenario: Scenario, recoveries: dict[str, Recovery]) -> Iterator[str]:
    """Yield a sentence for each kind of error after which a green verdict would be too silent.

    An adapter that raises and frames that are not understood are always among them. Connections
    that end are expected while a declared fault acts, until the service has recovered, and in a
    load whose slow consumers the server may disconnect.
    """
    adapter = [group for group in events.errors if group.concerns == "adapter"]
    if adapter:
        yield f"The adapter raised {_number(adapter, 'exception')}{_example(adapter)}."
    protocol = [group for group in events.errors if group.concerns == "protocol"]
    if protocol:
        yield (
            "The server sent what the adapter did not understand, or refused a call, "
            f"{_times(protocol)}{_example(protocol)}."
        )
    if _SLOW_CONSUMER in scenario.load.shares():
        return
    periods = _disturbed(events, recoveries)
    closed = [
        (group, outside)
        for group in events.errors
        if group.concerns == "close" and (outside := group.outside(periods))
    ]
    if closed:
        count = sum(outside for _, outside in closed)
        plural = "connections of clients were" if count != 1 else "connection of a client was"
        where = " outside of the declared faults" if events.faults else ""
        yield f"{count:,} {plural} lost{where}{_example([group for group, _ in closed])}."


def _disturbed(events: Events, recoveries: dict[str, Recovery]) -> Sequence[Period]:
    """Return the periods in which declared faults acted, or their consequences."""
    return [
        (
            fault.requested_ns,
            max(recoveries[fault.id].until_ns, fault.healed_ns)
            if fault.id in recoveries and fault.healed_ns is not None
            else NEVER,
        )
        for fault in events.faults
        if fault.requested_ns is not None
    ]


def _number(groups: list[ErrorGroup], noun: str) -> str:
    count = sum(group.count for group in groups)
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _times(groups: list[ErrorGroup]) -> str:
    count = sum(group.count for group in groups)
    return "once" if count == 1 else f"{count:,} times"


def _example(groups: list[ErrorGroup]) -> str:
    text = groups[0].text.rstrip(".")
    return f"; most often: {text}" if len(groups) > 1 or groups[0].count > 1 else f": {text}"
