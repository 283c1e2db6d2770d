"""Who is connected to an address, as this host's own socket table tells it."""

from collections.abc import Iterable

import psutil


def client_connections(addresses: Iterable[str]) -> set[tuple[str, int]] | None:
    """The live connections to any `host:port`, as (address, the client's port).

    None where the system shows no socket table to ordinary users (macOS).
    """
    wanted = set(addresses)
    try:
        table = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    found: set[tuple[str, int]] = set()
    for row in table:
        # A tuple without fields stands for an address that a socket does not have.
        if row.status == psutil.CONN_ESTABLISHED and row.laddr and row.raddr:
            ip, port = row.raddr
            if f"{ip}:{port}" in wanted:
                found.add((f"{ip}:{port}", row.laddr[1]))
    return found
