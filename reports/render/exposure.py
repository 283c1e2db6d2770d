"""What met a fault, in words."""

from typing import Any

UNKNOWN = "unknown"


def describe(exposure: dict[str, Any] | None) -> str:
    """Return `exposure` of a fault as a list in words; results of older versions have none."""
    if exposure is None:
        return UNKNOWN
    parts = [
        _counted(exposure["connections"], "connection"),
        _counted(exposure["messages"], "message"),
    ]
    if exposure["bytes"] is not None:
        parts.append(_counted(exposure["bytes"], "byte"))
    return ", ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
