"""The registry, which holds the leases of connections and edges; one engine per URL scheme."""

from gauntlet.reference_server.registry.base import Registry
from gauntlet.reference_server.registry.redis import RedisRegistry

ENGINES: dict[str, type[RedisRegistry]] = {"redis": RedisRegistry}


def connect(url: str, *, lease_ms: int) -> Registry:
    """Return the registry at `redis://…`, not connected yet; else ValueError."""
    scheme = url.partition(":")[0]
    if scheme not in ENGINES:
        raise ValueError(f"no registry engine for {scheme!r}; known: {', '.join(ENGINES)}")
    return ENGINES[scheme](url, lease_ms=lease_ms)
