"""Seeded bug: the history after a cursor starts one position too late.

It affects every client and every edge that reads history from a cursor, including their repairs.
"""

from gauntlet.reference_server.http.messages import Request
from gauntlet.reference_server.services import message


def install() -> None:
    """Answer from cursor + 2 if the cursor is above 0."""
    original_range = message._parse_range  # noqa: SLF001  # a seeded bug replaces internals

    def range_skipping_one(request: Request) -> tuple[str, int, int]:
        conv, after, limit = original_range(request)
        return conv, after + 1 if after > 0 else after, limit

    message._parse_range = range_skipping_one  # noqa: SLF001  # a seeded bug replaces internals
