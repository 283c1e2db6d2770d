"""Lists the clients that are connected to an address, from the socket table of this host."""

from collections.abc import Iterable

import psutil


def client_connections(addresses: Iterable[str]) -> set[tuple[str, int]] | None:
    """Return the live connections to any `host:port`, as (address, the client's port).

    None if the operating system hides the socket table from ordinary users (macOS).
    """
    servers = set(addresses)
    try:
        rows = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    connections: set[tuple[str, int]] = set()
    for row in rows:
        # psutil uses an empty tuple for an address that a socket does not have.
        if row.status == psutil.CONN_ESTABLISHED and row.laddr and row.raddr:
            ip, port = row.raddr
            if f"{ip}:{port}" in servers:
                connections.add((f"{ip}:{port}", row.laddr[1]))
    return connections
