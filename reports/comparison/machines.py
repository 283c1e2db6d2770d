"""Whether two machines are equally large, as far as manifests and gates record it."""

from collections.abc import Mapping
from typing import Any

SIZES = ("cores", "memory_mb")
# A kernel keeps some memory for itself, and its next version another amount.
_MEMORY_TOLERANCE = 0.02


def differing_sizes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return which sizes of two machines differ."""
    return [name for name in SIZES if not is_equal(name, a.get(name), b.get(name))]


def is_equal(name: str, a: Any, b: Any) -> bool:
    """Return whether a property is equal in both; that of the memory, but for a little."""
    if name == "memory_mb" and isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= _MEMORY_TOLERANCE * max(a, b)
    return bool(a == b)
