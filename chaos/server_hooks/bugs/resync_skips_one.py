"""A seeded bug: history after a cursor begins one position too late.

It strikes whoever comes back with a cursor, client or edge, and every repair that he then tries.
"""

from gauntlet.reference_server.http.messages import Request
from gauntlet.reference_server.services import message


def install() -> None:
    """Answer from cursor + 2 where the cursor is above 0."""
    honest = message._range  # noqa: SLF001  # a seeded bug reaches where an author would slip

    def skipping(request: Request) -> tuple[str, int, int]:
        conv, after, limit = honest(request)
        return conv, after + 1 if after > 0 else after, limit

    message._range = skipping  # noqa: SLF001  # same
