"""A small sequence diagram of a slice: where its lanes, arrows and texts are drawn.

The lanes are the clients, the server, and the audit if it takes part. Each event is one row: its
time, its arrow, and its text. The rows are equally high, whatever the time between them.
"""

from typing import Any

ROW = 24
_TOP = 34
_TIME_WIDTH = 78
_LANE_WIDTH = 104
_TEXT_GAP = 62
_TEXT_WIDTH = 470
_TEXT_MAX = 76
_ARROW_HEAD = 6

_FROM_CLIENT = {"send", "op"}
_FROM_SERVER = {
    "ack", "reject", "delivery", "arrival", "copy", "stray", "page", "gap", "room-event",
}  # fmt: skip
_FAILED = {"unknown", "missing"}
_AUDIT = {"audit", "audit-head"}
_FAULT = {"fault-begin", "fault-end"}


def layout(slice_: dict[str, Any]) -> dict[str, Any]:
    """Return the coordinates of a diagram for a slice of result.json."""
    events, clients = slice_["events"], list(slice_["clients"])
    audited = any(_is_audit(event) for event in events)
    names = [*clients, "server", *(["audit"] if audited else [])]
    lanes = [
        {"x": _TIME_WIDTH + _LANE_WIDTH * (at + 0.5), "name": _short(name, 15), "full": name}
        for at, name in enumerate(names)
    ]
    xs = [lane["x"] for lane in lanes]
    height = _TOP + ROW * len(events) + 8
    text_x = xs[-1] + _TEXT_GAP
    return {
        "width": round(text_x + _TEXT_WIDTH),
        "height": height,
        "lanes": lanes,
        "top": _TOP - 8,
        "bottom": height - 4,
        "text_x": text_x,
        "bands": _bands(events, xs),
        "rows": [_row(event, at, xs, len(clients)) for at, event in enumerate(events)],
    }


def _is_audit(event: dict[str, Any]) -> bool:
    """Return whether an event is one of the audit; what it does not find is missing there."""
    return event["client"] is None and (event["event"] in _AUDIT | {"missing", "page"})


def _y(row: int) -> float:
    return _TOP + ROW * (row + 0.5)


def _row(event: dict[str, Any], at: int, xs: list[float], clients: int) -> dict[str, Any]:
    """Return one event with its place: an arrow from `x1` to `x2`, or a dot at `x1`."""
    server = xs[clients]
    lane = server if event["client"] is None else xs[event["client"]]
    if _is_audit(event):
        lane = xs[-1]
    kind = event["event"]
    row = {
        "y": _y(at),
        "at": f"{event['at_s']:.3f} s",
        "text": _short(event["text"], _TEXT_MAX),
        "full": event["text"],
        "tone": "wrong" if event["wrong"] else "fault" if kind in _FAULT else "plain",
        "shape": "dot",
        "x1": lane,
        "x2": lane,
        "open": kind in ("disconnect", "offline"),
    }
    if kind in _FAULT:
        return row | {"shape": "line", "x1": xs[0] - 40, "x2": xs[-1] + 40}
    if lane == server:
        return row
    if kind in _FROM_CLIENT:
        return row | _arrow(lane, server)
    if kind in _FROM_SERVER or kind in _AUDIT:
        return row | _arrow(server, lane)
    if kind in _FAILED:
        return row | {"shape": "failed", "x1": server, "x2": lane + (18 if server > lane else -18)}
    return row


def _arrow(start: float, end: float) -> dict[str, Any]:
    """Return an arrow, whose head ends at its lane."""
    towards = 1 if end > start else -1
    return {"shape": "arrow", "x1": start, "x2": end - towards, "head": -towards * _ARROW_HEAD}


def _bands(events: list[dict[str, Any]], xs: list[float]) -> list[dict[str, Any]]:
    """Return the rows during which a fault acted."""
    begins = [at for at, event in enumerate(events) if event["event"] == "fault-begin"]
    bands = []
    for begin in begins:
        name = events[begin]["text"].removesuffix(" takes effect")
        ends = (
            at
            for at, event in enumerate(events)
            if event["event"] == "fault-end" and event["text"].startswith(name + " ")
        )
        end = next(ends, len(events) - 1)
        bands.append(
            {
                "x": xs[0] - 40,
                "width": xs[-1] - xs[0] + 80,
                "y": _y(begin),
                "height": _y(end) - _y(begin),
            }
        )
    return bands


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
