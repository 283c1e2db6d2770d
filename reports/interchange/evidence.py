"""Which checks a history has evidence for, and which key is missing for the others."""

from collections.abc import Callable
from dataclasses import dataclass

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.capabilities import HEADS, SELF_ECHO, SERVER_SEQ


@dataclass(frozen=True)
class Evidence:
    """What lines with their keys a history has."""

    sends: bool
    acks: bool
    promises: bool
    deliveries: bool
    ordered_deliveries: bool
    pushes: bool
    ordered_pages: bool  # it is known whether they have the oldest message first
    listed_pages: bool
    comparable_pages: bool
    positions: bool
    members: bool
    audits: bool
    faults: bool
    placed_reads: bool
    placed_heads: bool
    may_disappear: bool
    capabilities: frozenset[str]


_NO_SENDS = "there is no line of the kind `send`"
_NO_ACKS = "no send has the key `completed`, and there is no line of the kind `ack`"
_NO_PROMISES = (
    "every acknowledgement is `handed_over`, which does not promise that anything is stored"
)
_NO_DELIVERIES = "there is no line of the kind `deliver`, and no `read` of a user"
_NO_ORDER = (
    "no line of the kind `deliver` has the channel `live` or `resync`, and no `read` shows whether "
    "it has the oldest or the newest message first"
)
_NO_PUSHES = "no line of the kind `deliver`, `copy` or `arrive` has the channel `live`"
_NO_POSITIONS = "no line has the key `position`"
_NO_PLACES = (
    f"{_NO_POSITIONS}, and no `read` shows whether it has the oldest or the newest message first"
)
_NO_AGES = f"{_NO_POSITIONS}, and there are no acknowledgements with which a `read` can be compared"
_NO_MEMBERS = "there is no line of the kind `member`"
_NO_AUDIT = (
    "no conversation was read completely after its last acknowledgement: a `read` with "
    "`complete: true`, or `stored` lines with an `audited` line"
)
_NO_PAGES = "no `read` has messages whose `position` is known"
_NO_HEADS = "no `read` with `complete: true` has a known last position"


def _undeclared(capability: str, meaning: str) -> str:
    return (
        f"the header does not have `{capability}` among its `capabilities`, by which it would "
        f"state that {meaning}"
    )


# What checks need, with the clause on what is missing; the first missing one is reported.
_NEEDS: tuple[tuple[Callable[[Evidence], bool], str, tuple[str, ...]], ...] = (
    (
        lambda has: has.sends,
        _NO_SENDS,
        ("lost-acked", "undelivered", "sender-fifo", "phantom", "realtime", "causal", "late"),
    ),
    (
        lambda has: has.acks,
        _NO_ACKS,
        ("lost-acked", "undelivered", "sender-fifo", "realtime", "ack-content"),
    ),
    # Recovery is seen by acknowledgements and expected deliveries.
    (lambda has: has.acks or not has.faults, _NO_ACKS, ("unrecovered",)),
    (lambda has: has.deliveries or not has.faults, _NO_DELIVERIES, ("unrecovered",)),
    (lambda has: has.members or not has.faults, _NO_MEMBERS, ("unrecovered",)),
    (lambda has: has.promises, _NO_PROMISES, ("lost-acked",)),
    (
        lambda has: has.deliveries,
        _NO_DELIVERIES,
        ("duplicate", "sender-fifo", "causal", "divergent-order", "misdelivery", "late"),
    ),
    (
        lambda has: has.ordered_deliveries or has.ordered_pages,
        _NO_ORDER,
        ("sender-fifo", "causal"),
    ),
    (
        lambda has: has.ordered_deliveries or has.comparable_pages,
        _NO_ORDER,
        ("divergent-order",),
    ),
    (lambda has: has.deliveries or has.audits, _NO_DELIVERIES, ("phantom",)),
    (lambda has: has.members, _NO_MEMBERS, ("undelivered", "misdelivery")),
    (lambda has: has.audits, _NO_AUDIT, ("lost-acked",)),
    (
        lambda has: has.positions,
        _NO_POSITIONS,
        ("position", "history-order", "history-regress", "ack-content"),
    ),
    (
        lambda has: has.positions or (has.listed_pages and has.sends and has.promises),
        _NO_AGES,
        ("history-gap",),
    ),
    (lambda has: has.positions or has.ordered_pages, _NO_PLACES, ("realtime",)),
    (
        lambda has: SERVER_SEQ in has.capabilities,
        _undeclared(SERVER_SEQ, "positions have no gaps"),
        ("wire-order", "resync-replay"),
    ),
    (lambda has: has.pushes, _NO_PUSHES, ("wire-order",)),
    (
        # Otherwise, only positions are known that some line of the file has.
        lambda has: SERVER_SEQ in has.capabilities or not has.may_disappear,
        _undeclared(SERVER_SEQ, "positions have no gaps"),
        ("history-gap",),
    ),
    (lambda has: has.placed_reads, _NO_PAGES, ("history-order",)),
    (lambda has: has.placed_heads, _NO_HEADS, ("history-regress",)),
    (
        lambda has: SELF_ECHO in has.capabilities,
        _undeclared(SELF_ECHO, "senders receive their own messages"),
        ("divergent-order",),
    ),
    (
        lambda has: HEADS in has.capabilities,
        _undeclared(HEADS, "clients name the last position that they have when they connect"),
        ("resync-replay",),
    ),
)


def unjudged(evidence: Evidence) -> dict[str, str]:
    """Return, for each check without evidence, a clause that names the missing key."""
    missing: dict[str, str] = {}
    for is_there, clause, checks in _NEEDS:
        for check in () if is_there(evidence) else checks:
            missing.setdefault(check, clause)
    return {check: missing[check] for check in catalog.CHECKS if check in missing}


def required(missing: dict[str, str], wanted: list[str] | None) -> list[str]:
    """Return the checks that the verdict requires: those that can be judged, or those `wanted`.

    If nothing can be judged, all are required, so that the verdict is inconclusive.
    """
    if wanted is not None:
        return wanted
    judged = [check for check in catalog.DEFAULT_REQUIRED if check not in missing]
    known = {check for _, _, checks in _NEEDS for check in checks}
    return judged if known & set(judged) else list(catalog.DEFAULT_REQUIRED)
