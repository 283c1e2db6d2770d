"""Client WebSockets: allowed hosts, failed handshakes and unsupported addresses."""

import re

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.network.websocket import (
    AllowedHosts,
    TransportError,
    WebSocket,
    dial,
    host_of,
)

from ..raw_server import Server, reply


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.9", "8.8.8.8", "0.0.0.0", "fd00::1"])
async def test_hosts_beyond_loopback_must_be_allowed_by_name(host):
    with pytest.raises(ConfigError, match="allow_hosts"):
        await AllowedHosts([]).resolve(host)
    assert await AllowedHosts([host]).resolve(host) == host


async def test_loopback_is_always_allowed():
    gate = AllowedHosts([])
    assert await gate.resolve("127.0.0.9") == "127.0.0.9"
    assert await gate.resolve("localhost") in ("127.0.0.1", "::1")


async def test_a_websocket_to_a_host_that_is_not_allowed_is_not_dialled():
    """The address may come from a login answer."""
    socket = WebSocket(print, print)
    with pytest.raises(ConfigError):
        await dial(AllowedHosts([]), "ws://10.1.2.3:9/v1/ws", "im.v1.json", socket)


async def test_a_failed_handshake_is_a_transport_error():
    async with Server(reply("no", "503 X")) as server:
        url = server.url.replace("http", "ws")
        with pytest.raises(TransportError):
            await dial(AllowedHosts([]), url, "x", WebSocket(print, print))


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:1", "wss://127.0.0.1:1/v1/ws", "127.0.0.1:1", "http://[::1", "http://h:x"],
)
async def test_an_unsupported_address_is_a_config_error_that_names_it(url):
    with pytest.raises(ConfigError, match=re.escape(url)):
        host_of(url)
    with pytest.raises(ConfigError, match=re.escape(url)):
        await dial(AllowedHosts([]), url, "im.v1.json", WebSocket(print, print))
