"""TLS of the load's connections: what to trust, and how to identify itself."""

import ssl
from dataclasses import dataclass

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Tls


@dataclass(frozen=True, slots=True)
class ClientTls:
    """The context of all connections, and the name to expect (default: the host of the URL)."""

    context: ssl.SSLContext
    server_name: str | None

    def name_for(self, host: str) -> str:
        """Return the name that the server's certificate must have; it is also sent as SNI."""
        return self.server_name or host


def client_tls(settings: Tls) -> ClientTls:
    """Return the TLS of a target; ConfigError where a file of `target.tls` cannot be used.

    Without `ca`, the certificates of the system are trusted.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except OSError as error:  # includes ssl.SSLError
        raise _refused("ca", settings.ca, "a file with PEM certificates", error) from error
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert is not None:
        try:
            context.load_cert_chain(settings.cert, settings.key)
        except OSError as error:
            allowed = "a PEM certificate whose key is in target.tls.key, or in the same file"
            raise _refused("cert", settings.cert, allowed, error) from error
    return ClientTls(context, settings.server_name)


def _refused(key: str, found: str | None, allowed: str, error: OSError) -> ConfigError:
    reason = error.strerror or str(error)
    return ConfigError(f"target.tls.{key} must be {allowed}; got {found} ({reason})")
