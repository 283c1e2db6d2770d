"""Who is connected where: what every registry engine promises."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

# Edges renew their own lease each second: three beats missed and no new client is sent there.
# What it holds is believed for the whole lease: a slow edge's clients must not count as gone.
EDGE_FRESH_MS = 3_000


class RegistryDown(Exception):
    """The registry cannot be reached, or is being rebuilt and must not be believed yet."""


class Lease(NamedTuple):
    """A user's connection, `<edge>|<epoch>-<n>` and so never used twice, until it runs out."""

    user: str
    connection: str


class EdgeLease(NamedTuple):
    """A living edge: where the bus reaches it, which boot this is, how much it carries.

    `epoch` holds no hyphen, and a later boot's epoch sorts after an earlier one's.
    """

    name: str
    environment: str
    queue: str
    epoch: str
    connections: int
    takes_clients: bool = True


def edge_of(connection: str) -> str:
    """The edge that holds a connection: `edge-blue-1|3fa9c1-17` → `edge-blue-1`."""
    return connection.partition("|")[0]


def boot_of(connection: str) -> str:
    """The boot that holds a connection: `edge-blue-1|3fa9c1-17` → `edge-blue-1|3fa9c1`."""
    return connection.rpartition("-")[0]


class Registry(Protocol):
    """Leases of connections and edges. Every call is bounded to 500 ms and raises RegistryDown.

    An edge calls `put_edge`, `put`, `remove`, `remove_edge` and watches `generation`; everyone
    else looks up. After a loss of its data the registry counts as down to those who look up
    (`queues`, `connections`) for one lease, in which the edges register again what they hold.
    """

    async def generation(self) -> str:
        """The name of the data's current life, made if absent; a new name: register again."""
        ...

    async def put_edge(self, edge: EdgeLease) -> None:
        """Write or renew an edge's lease; the latest boot of a name wins."""
        ...

    async def remove_edge(self, edge: EdgeLease) -> None:
        """Remove an edge's lease unless another boot has taken the name."""
        ...

    async def put(self, leases: Collection[Lease]) -> None:
        """Write or renew connections' leases, in one round trip."""
        ...

    async def remove(self, leases: Collection[Lease]) -> None:
        """Remove exactly these leases, in one round trip; their users' others stay."""
        ...

    async def queues(self, users: Collection[str]) -> Mapping[str, set[str]]:
        """For each user with a live connection: the bus queues of the edges that hold one."""
        ...

    async def connections(self, users: Collection[str]) -> Mapping[str, set[str]]:
        """For each user with a live connection: those connections on living edges."""
        ...

    async def edges(self) -> list[EdgeLease]:
        """The edges fit for new clients, with their connection counts; even while rebuilding."""
        ...

    async def close(self) -> None:
        """Let go of the sockets; the leases stay until they run out."""
        ...
