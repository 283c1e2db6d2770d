"""TLS between the server and its clients: the files, and the contexts of both sides."""

import ssl
from pathlib import Path
from typing import Any, NamedTuple

from gauntlet.reference_server.core.config import ClientTls

# A client that has not finished its handshake by then is disconnected, however slowly its bytes
# arrive. As long as an edge waits for the first frame.
HANDSHAKE_TIMEOUT_S = 5.0
# How long a closed connection waits for the client's close_notify (RFC 8446, 6.1).
SHUTDOWN_TIMEOUT_S = 2.0


class Certificates(NamedTuple):
    """PEM files: the CA that clients trust, the server's certificate, and its private key."""

    ca: Path
    certificate: Path
    key: Path


def server_context(tls: ClientTls) -> ssl.SSLContext:
    """Return the context of a listener: TLS 1.2 or newer, with session tickets.

    Each context has a ticket key of its own: a session is resumed only where it began.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client of TLS 1.2 could otherwise make the server repeat the expensive part at will.
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def client_context(certificates: Certificates | None) -> ssl.SSLContext | None:
    """Return the context of a client that trusts this CA and no other; None without TLS."""
    if certificates is None:
        return None
    return ssl.create_default_context(cafile=str(certificates.ca))


def listener_options(tls: ClientTls | None) -> dict[str, Any]:
    """Return the arguments of `loop.create_server` that concern TLS; none without it."""
    if tls is None:
        return {}
    return {
        "ssl": server_context(tls),
        "ssl_handshake_timeout": HANDSHAKE_TIMEOUT_S,
        "ssl_shutdown_timeout": SHUTDOWN_TIMEOUT_S,
    }
