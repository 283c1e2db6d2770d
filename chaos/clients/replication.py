"""Asks a store, in its own protocol, whether it is a primary and who replicates it."""

from contextlib import suppress
from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gauntlet.chaos.clients.postgres import APPLICATION, DatabaseError, PostgresSession

_TIMEOUT_S = 2.0
_POSTGRES = """
SELECT NOT pg_is_in_recovery(),
    (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'),
    (SELECT count(*) FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND application_name <> $1)
"""


class StoreRole(NamedTuple):
    """Whether a store accepts writes, how many standbys follow it, and how many clients it has."""

    is_primary: bool
    standbys: int
    clients: int

    def as_evidence(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return self._asdict()


def role_of(kind: str, address: str, password: str | None) -> StoreRole | None:
    """Return the role of a store with links of a kind; None if it does not answer."""
    return (_role_of_postgres if kind == "postgres" else _role_of_redis)(address, password)


def _role_of_postgres(address: str, password: str | None) -> StoreRole | None:
    with suppress(DatabaseError), PostgresSession(address, password) as session:
        ((is_primary, standbys, clients),) = session.fetch(_POSTGRES, APPLICATION)
        return StoreRole(is_primary, standbys, clients)
    return None


def _role_of_redis(address: str, password: str | None) -> StoreRole | None:
    host, _, port = address.rpartition(":")
    with (
        suppress(redis.RedisError, OSError),
        redis.Redis(
            host,
            int(port),
            password=password,
            socket_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        ) as client,
    ):
        replication: dict[str, Any] = client.info("replication")
        clients: dict[str, Any] = client.info("clients")
        online = [
            value
            for name, value in replication.items()
            if name.startswith("slave") and isinstance(value, dict) and value["state"] == "online"
        ]
        # Replicas are not among the clients, but this connection is.
        return StoreRole(
            replication["role"] == "master", len(online), clients["connected_clients"] - 1
        )
    return None
