"""How the connections of a load are made: allowed hosts, TLS, headers, source addresses, limits."""

from gauntlet.core import os_limits
from gauntlet.core.scenario import secrets
from gauntlet.scenarios.client.ordered_inbox import PAGE_LIMIT
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.source_addresses import CONNECTIONS_PER_USER, SourceAddresses
from gauntlet.scenarios.network.tls import client_tls
from gauntlet.scenarios.network.wire import MESSAGE_BYTES_MAX, Network

# A page of realistic bodies: most are shorter than this, a few are much longer.
_BODY_BYTES_EXPECTED = 1_024


def network_of(load: LoadFile) -> Network:
    """Return the network of a load; ConfigError where its TLS files cannot be used."""
    target, users = load.scenario.target, load.scenario.load.users
    # A page of the history may hold this many messages, in JSON with its escapes.
    page_bytes = 2 * PAGE_LIMIT * (load.scenario.load.fixed_body_bytes or _BODY_BYTES_EXPECTED)
    return Network(
        AllowedHosts(target.allow_hosts, load.dial),
        client_tls(target.tls),
        secrets.settings(target.headers),
        SourceAddresses(CONNECTIONS_PER_USER * users, os_limits.ports_per_address()),
        MESSAGE_BYTES_MAX + page_bytes,
    )
