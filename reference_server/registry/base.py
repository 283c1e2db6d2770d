"""The interface of the registry, which knows the edges of each connected user."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from gauntlet.reference_server.core import clock

# Edges renew their own lease every second. After three missed renewals an edge gets no new clients,
# but the leases of its connections stay valid: the clients of a slow edge have not left.
EDGE_FRESH_MS = 3_000


class RegistryDown(Exception):
    """The registry cannot be reached, or was emptied and is not complete yet."""


class Lease(NamedTuple):
    """A user's connection until the lease expires.

    Connections are named `<edge>|<epoch>-<n>`, so no name is used twice.
    """

    user: str
    connection: str


class EdgeLease(NamedTuple):
    """A live edge: its bus queue, its boot and its number of connections.

    `epoch` identifies the boot. It contains no hyphen, and later boots sort after earlier ones.
    """

    name: str
    environment: str
    queue: str
    epoch: str
    connections: int
    takes_clients: bool = True


def new_epoch() -> str:
    """Return the epoch of a boot that begins now."""
    return f"{clock.now_ms():012x}"


def boot_of(connection: str) -> str:
    """Return the boot of a connection: `edge-blue-1|3fa9c1-17` → `edge-blue-1|3fa9c1`."""
    return connection.rpartition("-")[0]


class Registry(Protocol):
    """Leases of connections and edges. Every call takes at most 500 ms or raises RegistryDown.

    Edges call `put_edge`, `put`, `remove` and `remove_edge`, and watch `generation`; all other
    processes only look up. After a loss of data, look-ups (`queues`, `connections`) fail with
    RegistryDown for the length of one lease, in which the edges register their connections again.
    """

    async def generation(self) -> str:
        """Return the name of the current data set, created if absent.

        A new name means that the data was lost and the edge has to register again.
        """
        ...

    async def put_edge(self, edge: EdgeLease) -> None:
        """Write or renew an edge's lease; the latest boot of an edge wins.

        A boot whose lease was not renewed for `EDGE_FRESH_MS` loses to any other one: the clock of
        the machine may have been set back since.
        """
        ...

    async def remove_edge(self, edge: EdgeLease) -> None:
        """Remove an edge's lease unless it belongs to another boot."""
        ...

    async def put(self, leases: Collection[Lease]) -> None:
        """Write or renew leases of connections."""
        ...

    async def remove(self, leases: Collection[Lease]) -> None:
        """Remove exactly these leases; other leases of their users stay."""
        ...

    async def queues(self, users: Collection[str]) -> Mapping[str, set[str]]:
        """Return, for each user with a live connection, the bus queues of their edges."""
        ...

    async def connections(self, users: Collection[str]) -> Mapping[str, set[str]]:
        """Return, for each user with a live connection, those connections."""
        ...

    async def edges(self) -> list[EdgeLease]:
        """Return the edges that accept new clients; also works after a loss of data."""
        ...

    async def close(self) -> None:
        """Close the sockets; the leases stay until they expire."""
        ...
