"""Asks a server on loopback over HTTP, whatever proxies the environment names."""

import http.client

from gauntlet.stacks.free_port import HOST

TIMEOUT_S = 0.5


def status(port: int, path: str) -> int | None:
    """Return the status with which a server answers a GET; None if there is no answer in time.

    `urllib.request` would send the request to the proxy of the environment.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
