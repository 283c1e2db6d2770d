"""Names that are made: run ids and the numbers a run is known by."""

import re
import secrets
import time

NUMBERS_PER_WORKER = 1_000_000  # of users, conversations, links: numbers tell whose they are
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def run_id(scenario: str, seed: int) -> str:
    """`20261123T190501Z-tour-7-9f3c`: sorts by time, unique without coordination."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{stamp}-{scenario}-{seed}-{secrets.token_hex(2)}"


def is_slug(text: str) -> bool:
    """Whether a name is lower-case letters, digits and hyphens, at most 64 of them."""
    return SLUG.fullmatch(text) is not None
