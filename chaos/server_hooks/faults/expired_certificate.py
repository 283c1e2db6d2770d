"""Lets an edge present an expired certificate while a file beside the certificate says so.

The file has the process id of the edge in its name. The certificate is chosen at each handshake, so
connections that are open stay open, as in a server whose certificate expires.
"""

import os
import ssl
from pathlib import Path

from gauntlet.reference_server.core import tls as server_tls
from gauntlet.reference_server.core.config import ClientTls

SWITCH, EXPIRED = "expired-{pid}", "expired.pem"


def install() -> None:
    """Add the choice of the certificate to every TLS context that is created from now on."""
    original_context = server_tls.server_context

    def context_with_choice(tls: ClientTls) -> ssl.SSLContext:
        folder = Path(tls.certificate).parent
        switch = folder / SWITCH.format(pid=os.getpid())
        valid, expired = original_context(tls), original_context(tls)
        expired.load_cert_chain(folder / EXPIRED, tls.key)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, *_: object) -> None:
            if switch.exists():
                connection.context = expired

        valid.sni_callback = choose
        # A resumed session would not present any certificate.
        for context in (valid, expired):
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
        return valid

    server_tls.server_context = context_with_choice
