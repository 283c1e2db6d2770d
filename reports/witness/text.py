"""The slice of a violation and the life of a message as lines of text, for a terminal."""

from collections.abc import Iterator
from typing import Any

NOT_A_CLIENT = "–"
_PAGE_STATES = {
    "received": "contained it",
    "had-it": "the reader had it already",
    "missing": "should contain it, but the reader never received it",
}


def slice_lines(slice_: dict[str, Any]) -> list[str]:
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


def where_lost_lines(witness: dict[str, Any]) -> Iterator[str]:
    """Yield where a message was lost, if that was judged."""
    if found := witness.get("where_lost"):
        yield f"  where it was lost: {found['label']}. {found['sentence']}"


def life_lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a message's life (`life.life_of`)."""
    place = f" (position {found['position']})" if found["position"] else ""
    yield f"{found['message']}{place}"
    yield f"{found['fate']}"
    yield from where_lost_lines(found)
    yield f"\nsent by {found['sender']}, intended at {_s(found['intended_at_s'])}"
    for row in found["sending"]:
        number = f" {row['attempt']}" if row["event"] == "attempt" else ""
        at = f" at position {row['position']}" if row["position"] else ""
        yield f"{_s(row['at_s']):>12}  {row['event']}{number}{at}{_on(row)}"
    yield "\nreceivers"
    for receiver in found["receivers"]:
        yield from _receiver(receiver)
    if found["pages"]:
        yield "\npages that cover its position"
    for page in found["pages"]:
        yield (
            f"{_s(page['at_s']):>12}  {page['reader']}, after {page['after']} up to "
            f"{page['last']}: {_PAGE_STATES[page['state']]}"
        )
    yield f"\naudit: {_audit(found['audit'])}"
    if found["faults"]:
        yield "\nfaults on its way"
    for fault in found["faults"]:
        yield f"  {fault['id']} ({fault['kind']} {fault['target']}), {_span(fault)}"


def _receiver(receiver: dict[str, Any]) -> Iterator[str]:
    state = "" if receiver["expected"] else " (was not expected to receive it)"
    if receiver["expected"] and not receiver["presented"]:
        state = ": never received it"
    yield f"  {receiver['client']}{state}"
    for copy in receiver["copies"]:
        marks = [word for word in ("dropped", "corrupt") if copy[word]]
        if copy["held"]:
            marks.append(f"held back {copy['held']}")
        mark = f" ({', '.join(marks)})" if marks else ""
        at = f" at position {copy['position']}" if copy["position"] else ""
        yield f"{_s(copy['at_s']):>12}  {copy['channel']}{at}{mark}{_on(copy)}"
    for connection in receiver.get("connections", ()):
        yield f"{'':>12}  was connected{_on(connection)}, {_span(connection)}"
    for line in where_lost_lines(receiver):
        yield f"{'':>10}{line}"


def _audit(audit: dict[str, Any]) -> str:
    if audit["copies"]:
        places = ", ".join(str(position) for position in audit["positions"] if position)
        return f"finds it at position {places}" if places else f"finds it {audit['copies']} times"
    if audit["head"] is None:
        return "did not read its conversation"
    return f"does not find it; the conversation ends at position {audit['head']}"


def _on(row: dict[str, Any]) -> str:
    if row["connection"] is None:
        return ""
    return f" on connection {row['connection']} to {row['edge']}"


def _span(row: dict[str, Any]) -> str:
    end = "the end of the run" if row["to_s"] is None else _s(row["to_s"])
    return f"from {_s(row['from_s'])} to {end}"


def _s(at_s: float) -> str:
    return f"{at_s:.3f} s"
