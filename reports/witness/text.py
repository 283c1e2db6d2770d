"""The slice of a violation as lines of text, for a terminal."""

from typing import Any

NOT_A_CLIENT = "–"


def lines(slice_: dict[str, Any]) -> list[str]:
    """Return one line for each event of a slice of result.json; `✘` marks the violation itself."""
    clients = slice_["clients"]
    width = max(map(len, [*clients, NOT_A_CLIENT]))
    found = []
    for event in slice_["events"]:
        who = NOT_A_CLIENT if event["client"] is None else clients[event["client"]]
        mark = "✘" if event["wrong"] else " "
        found.append(f"{event['at_s']:>10.3f} s {mark} {who:<{width}}  {event['text']}")
    if slice_["omitted"]:
        found.append(f"{'':>14} {slice_['omitted']:,} more events are not shown")
    return found
