"""The bus: committed entries on their way to the edges. A map from URL scheme to engine."""

from collections.abc import Callable

from gauntlet.reference_server.bus.base import Bus
from gauntlet.reference_server.bus.rabbitmq import RabbitBus
from gauntlet.reference_server.bus.redis_streams import RedisStreamsBus

ENGINES: dict[str, Callable[[str], Bus]] = {"amqp": RabbitBus, "redis": RedisStreamsBus}


def connect(url: str) -> Bus:
    """The bus at a URL (`redis://…`, `amqp://…`), not yet dialled; ValueError if unknown."""
    scheme = url.partition(":")[0]
    if scheme not in ENGINES:
        raise ValueError(f"no bus engine for {scheme!r}; known: {', '.join(ENGINES)}")
    return ENGINES[scheme](url)
