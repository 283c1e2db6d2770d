"""The registry: leases of connections and edges. A map from URL scheme to engine."""

from gauntlet.reference_server.registry.base import Registry
from gauntlet.reference_server.registry.redis import RedisRegistry

ENGINES: dict[str, type[RedisRegistry]] = {"redis": RedisRegistry}


def connect(url: str, *, lease_ms: int) -> Registry:
    """The registry at a URL (`redis://…`), not yet dialled; ValueError for an unknown scheme."""
    scheme = url.partition(":")[0]
    if scheme not in ENGINES:
        raise ValueError(f"no registry engine for {scheme!r}; known: {', '.join(ENGINES)}")
    return ENGINES[scheme](url, lease_ms=lease_ms)
