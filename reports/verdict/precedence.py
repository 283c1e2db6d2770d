"""The order in which violated checks are named: the most specific one first.

One defect may violate several checks. A corrupt body, for example, is also a delivery that is
missing; the reader should learn of the corruption first.
"""

NAMED_FIRST: tuple[str, ...] = (
    "access",
    "phantom",
    "misdelivery",
    "duplicate",
    "position",
    "resync-replay",
    "history-order",
    "history-regress",
    "lost-acked",
    "ack-content",
    "history-gap",
    "causal",
    "realtime",
    "divergent-order",
    "sender-fifo",
    "wire-order",
    "exit",
    "attendance-stale",
    "contacts",
    "stickers",
    "timestamps",
    "undelivered",
    "late",
    "unrecovered",
)


def rank(check: str) -> int:
    """Return a check's place in the order; a check that is not listed comes last."""
    return NAMED_FIRST.index(check) if check in NAMED_FIRST else len(NAMED_FIRST)
