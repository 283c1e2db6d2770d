"""The most frequent errors between the load and the system."""

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

KIND = SectionKind("errors", "the most frequent errors between load and system")


def context(page: Page) -> dict[str, Any] | None:
    errors = page.result.get("errors", [])
    if not errors:
        return None
    return {
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
