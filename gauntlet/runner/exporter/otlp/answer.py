"""What a collector answers: whether it took the points, and why not."""

import http.client
import json
from typing import Any, NamedTuple

BODY_BYTES_MAX = 65_536
RETRY_AFTER_MAX_S = 60.0
_TEXT_MAX = 160


class Answer(NamedTuple):
    """A failure has a `problem`, in the words of the collector.

    `rejected` counts the points that it left out of a request that it took otherwise. For
    `retry_after_s` it asks to be left alone.
    """

    problem: str = ""
    rejected: int = 0
    retry_after_s: float = 0.0


def read(response: http.client.HTTPResponse) -> Answer:
    """Return what a response means; one without a body that can be read is judged by its status."""
    content = _content(response.read(BODY_BYTES_MAX))
    if not 200 <= response.status < 300:
        text = f"HTTP {response.status} {content.get('message') or response.reason}"
        return Answer(text, retry_after_s=_seconds(response.getheader("Retry-After")))
    partial = content.get("partialSuccess")
    if not isinstance(partial, dict):
        return Answer()
    count = str(partial.get("rejectedDataPoints", 0))  # 64-bit integers are text
    rejected = int(count) if count.isascii() and count.isdecimal() else 0
    reason = f"{rejected} points were rejected: {partial.get('errorMessage', '')}"
    return Answer(reason if rejected else "", rejected)


def shortened(text: str) -> str:
    """Return a text of the collector as one line that a terminal can show."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:_TEXT_MAX]


def _content(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(header: str | None) -> float:
    """Return the seconds of `Retry-After`; a date is not worth its time zones here."""
    text = (header or "").strip()
    if not (text.isascii() and text.isdecimal()):
        return 0.0
    return min(float(text[:6]), RETRY_AFTER_MAX_S)
