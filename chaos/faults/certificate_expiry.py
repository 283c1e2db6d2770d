"""certificate-expiry: edges present a certificate that has expired."""

import socket
import ssl
from pathlib import Path
from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import prove_each
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import unproven
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_TIMEOUT_S = 2.0
_NO_TLS = "the stack does not use TLS; set target.server.tls: true"


class CertificateExpiry:
    """Creates a file for each edge, whose hook then presents the expired certificate."""

    kind: ClassVar[FaultKind] = FaultKind(
        "certificate-expiry",
        "makes edges present an expired certificate to clients that connect",
        targets=("edge",),
        params=VICTIM_PARAMS,
        exclusive=COUNT_OR_PERCENT,
        hook="expired_certificate",
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._victims: dict[str, Component] = {}
        self._addresses: dict[str, str] = {}

    def inject(self, context: Context) -> Evidence:
        """Create the files. Without TLS nothing is done, and there is no proof."""
        if not context.ca:
            return unproven(_NO_TLS)
        victims = choose(context, self._spec)
        self._addresses = {
            link.component: link.upstream
            for link in context.plan.links
            if link.source == "client" and link.component in victims
        }
        for name, component in victims.items():
            self._victims[name] = component
            _switch(context.ca, component).touch()
        return {"components": sorted(self._victims)}

    def prove(self, context: Context) -> Evidence:
        """A client that trusts the CA refuses the certificate of each edge, because it expired."""

        def inspect(victim: Component) -> tuple[bool, Evidence]:
            found = _handshake(self._addresses[victim.name], context.ca)
            return "expired" in found, {"handshake": found}

        return prove_each(context, self._victims, inspect)

    def heal(self, context: Context) -> Evidence:
        """Remove the files."""
        for component in self._victims.values():
            _switch(context.ca, component).unlink(missing_ok=True)
        return {}

    def verify(self, context: Context) -> Evidence:
        """A client that trusts the CA accepts the certificate of each edge that is up."""
        evidence: Evidence = {}
        for name in self._victims:
            found = poll(lambda name=name: self._accepted(context, name), VERIFY_S)  # type: ignore[misc]  # mypy infers no type for the default
            if found is None:
                raise RollbackError(f"{name} still presents a certificate that clients refuse")
            evidence[name] = found
        return evidence

    def _accepted(self, context: Context, name: str) -> str | None:
        component = context.require_control().components().get(name)
        if component is None or component.state != "up":
            return "not up"  # another fault holds it down, or a cutover has retired it
        found = _handshake(self._addresses[name], context.ca)
        return found if found == "accepted" else None


def _switch(ca: str, component: Component) -> Path:
    """Return the file for which the hook `expired_certificate` looks."""
    return Path(ca).with_name(f"expired-{component.pid}")


def _handshake(address: str, ca: str) -> str:
    """Connect as a client does; return `accepted`, or the reason why not."""
    host, _, port = address.rpartition(":")
    try:
        with (
            socket.create_connection((host, int(port)), _TIMEOUT_S) as plain,
            ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname=host),
        ):
            return "accepted"
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return str(error)
