"""Choosing the local addresses of connections."""

import asyncio
import socket
import sys
from collections import Counter

import picows
import pytest

from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.source_addresses import SourceAddresses
from gauntlet.scenarios.network.websocket import dial
from gauntlet.scenarios.network.wire import Listener, Network, loopback_network

PORTS = 28_232


def test_few_connections_need_no_source_address():
    sources = SourceAddresses(PORTS // 2, PORTS, rotates=True)
    assert sources.count == 1
    assert sources.next("127.0.0.1") is None


def test_many_connections_use_several_addresses_evenly():
    sources = SourceAddresses(50_000, PORTS, rotates=True)
    taken = Counter(sources.next("127.0.0.1") for _ in range(50_000))
    assert sorted(taken) == [f"127.0.0.{number}" for number in range(1, 5)]
    assert max(taken.values()) <= PORTS // 2


@pytest.mark.parametrize("target", ["10.1.2.3", "::1"])
def test_other_targets_than_ipv4_loopback_have_no_source_address(target):
    assert SourceAddresses(50_000, PORTS, rotates=True).next(target) is None


def test_a_system_with_one_loopback_address_has_no_source_address():
    assert SourceAddresses(10**6, PORTS, rotates=False).next("127.0.0.1") is None


def test_source_addresses_are_valid_for_any_number_of_connections():
    sources = SourceAddresses(10**9, 1, rotates=True)
    for _ in range(2 * sources.count):
        assert len(sources.next("127.0.0.9").split(".")) == 4
        socket.inet_aton(sources.next("127.0.0.9"))


class _Echo(picows.WSListener):
    """A server that accepts every connection."""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
async def test_a_listener_sees_connections_from_several_addresses():
    """The sockets have no delay (TCP_NODELAY), and their ports are chosen at connect."""
    used_addresses = []

    def accept(request):
        del request
        return _Echo()

    server = await picows.ws_create_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sources = SourceAddresses(6, 4, rotates=True)  # three addresses
    plain = loopback_network()
    network = Network(plain.hosts, plain.tls, sources=sources)
    listener = Listener(lambda _: None, lambda _: None, lambda _code, _reason: None)
    sockets = []
    try:
        for _ in range(6):
            client, _ = await dial(network, Dial(f"ws://127.0.0.1:{port}/"), listener)
            sockets.append(client)
            transport = client._transport.underlying_transport
            used_addresses.append(transport.get_extra_info("sockname")[0])
            option = transport.get_extra_info("socket").getsockopt
            assert option(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert option(socket.IPPROTO_IP, 24)
    finally:
        for client in sockets:
            client.abort()
        server.close()
        await asyncio.sleep(0)
    assert Counter(used_addresses) == {"127.0.0.1": 2, "127.0.0.2": 2, "127.0.0.3": 2}
