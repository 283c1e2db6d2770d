"""What faults on the broker share: which one runs, of which kind, and a connection to it."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.context import Context

BROKER = "broker"
_CALL_TIMEOUT_S = 2.0
_RETRIES = 3


def broker_of(context: Context) -> Component:
    """Return the running broker; FaultFailed if none is running."""
    (broker,) = select_victims(context, BROKER, 1).values()
    return broker


def uses_redis(context: Context, broker: Component) -> bool:
    """Whether the broker is a Redis, and not a RabbitMQ."""
    return any(
        link.component == broker.name and link.kind == "redis" for link in context.plan.links
    )


def redis_client(context: Context, broker: Component, *, retries: int = _RETRIES) -> redis.Redis:
    """Return a client of a broker on Redis; it connects when it is first used."""
    host, _, port = (broker.address or "").rpartition(":")
    return redis.Redis(
        host,
        int(port),
        password=context.require_control().password(broker.name),
        socket_timeout=_CALL_TIMEOUT_S,
        retry=Retry(NoBackoff(), retries),
    )
