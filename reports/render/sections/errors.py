"""The most frequent errors between the load and the system, and how connections were lost."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render.sections.page import Page

ROWS_MAX = 5
CONCERNS = {
    "connect": "a connection could not be opened",
    "close": "a connection was closed by the server, or lost",
    "http": "a request failed",
    "refused": "the server refused a user or a call",
    "protocol": "the server sent what the adapter did not understand",
    "inbox": "pushes that were not kept, because too many waited for earlier ones",
    "task": "tasks of Locust users that raised an exception",
    "adapter": "the adapter raised an exception",
}

KIND = SectionKind(
    "errors", "the most frequent errors between load and system, and how connections were lost"
)


def context(page: Page) -> dict[str, Any] | None:
    errors = page.result.get("errors", [])
    connections = _connections(page.result.get("connections") or {})
    if not (errors or connections):
        return None
    return {
        "connections": connections,
        "rows": [
            {
                **error,
                "meaning": CONCERNS.get(error["concerns"], error["concerns"]),
                "number": formatting.number(error["count"]),
            }
            for error in errors[:ROWS_MAX]
        ],
        "more": max(0, len(errors) - ROWS_MAX),
    }


def _connections(found: dict[str, Any]) -> dict[str, Any] | None:
    """Return how connections ended in steady load and otherwise; None if all of them lasted."""
    if not (found.get("ends") or found.get("moved")):
        return None
    rate = formatting.measured("lost_connections_per_1000_min", found["lost_per_1000_min"])
    return {
        "lost": formatting.number(found["lost"]),
        "rate": rate,
        "moved": formatting.number(found["moved"]),
        "minutes": formatting.significant(found["connection_min"]),
        "rows": [
            {
                "text": end["text"],
                "steady": formatting.number(end["steady"]),
                "otherwise": formatting.number(end["otherwise"]),
                "first_s": end["first_at_s"],
                "last_s": end["last_at_s"],
            }
            for end in found["ends"]
        ],
    }
