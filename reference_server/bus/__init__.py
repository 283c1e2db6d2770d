"""The bus, which carries committed entries to the edges; one engine per URL scheme."""

from collections.abc import Callable

from gauntlet.reference_server.bus.base import Bus
from gauntlet.reference_server.bus.rabbitmq import RabbitMqBus
from gauntlet.reference_server.bus.redis_streams import RedisStreamsBus

ENGINES: dict[str, Callable[[str], Bus]] = {"amqp": RabbitMqBus, "redis": RedisStreamsBus}


def connect(url: str) -> Bus:
    """Return the bus at `redis://…` or `amqp://…`, not connected yet; else ValueError."""
    scheme = url.partition(":")[0]
    if scheme not in ENGINES:
        raise ValueError(f"no bus engine for {scheme!r}; known: {', '.join(ENGINES)}")
    return ENGINES[scheme](url)
