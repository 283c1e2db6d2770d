"""Addresses: what a URL means, and the hosts to which a load may connect."""

import re

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.network.hosts import TCP_SCHEMES, AllowedHosts, endpoint_of


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.9", "8.8.8.8", "0.0.0.0", "fd00::1"])
async def test_hosts_beyond_loopback_must_be_allowed_by_name(host):
    with pytest.raises(ConfigError, match="allow_hosts"):
        await AllowedHosts([]).resolve(host)
    assert await AllowedHosts([host]).resolve(host) == host


async def test_loopback_is_always_allowed():
    hosts = AllowedHosts([])
    assert await hosts.resolve("127.0.0.9") == "127.0.0.9"
    assert await hosts.resolve("localhost") in ("127.0.0.1", "::1")


async def test_a_proxy_is_dialled_in_the_place_of_the_target():
    hosts = AllowedHosts([], {"localhost:443": "127.0.0.1:7001"})
    assert await hosts.locate(endpoint_of("wss://localhost/ws")) == ("127.0.0.1", 7001)
    _, port = await hosts.locate(endpoint_of("wss://localhost:444/ws"))
    assert port == 444


async def test_a_proxy_does_not_allow_the_host_behind_it():
    hosts = AllowedHosts([], {"10.1.2.3:80": "127.0.0.1:7001"})
    with pytest.raises(ConfigError, match="allow_hosts"):
        await hosts.locate(endpoint_of("ws://10.1.2.3/ws"))


@pytest.mark.parametrize(
    ("url", "port", "secure", "authority", "resource"),
    [
        ("ws://h/a?b=1", 80, False, "h", "/a?b=1"),
        ("https://h:8443", 8443, True, "h:8443", "/"),
        ("wss://user:password@h/ws", 443, True, "h", "/ws"),
        ("http://[::1]:8080/x", 8080, False, "[::1]:8080", "/x"),
    ],
)
def test_an_address_names_port_tls_authority_and_resource(url, port, secure, authority, resource):
    endpoint = endpoint_of(url)
    assert (endpoint.port, endpoint.secure) == (port, secure)
    assert (endpoint.authority, endpoint.resource) == (authority, resource)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://h/", "127.0.0.1:1", "http://[::1", "http://h:x", "http://h:0"],
)
def test_an_unsupported_address_is_a_config_error_that_names_it(url):
    with pytest.raises(ConfigError, match=re.escape(url)):
        endpoint_of(url)


def test_a_tcp_address_needs_a_port():
    assert endpoint_of("tls://h:8883", TCP_SCHEMES).secure
    with pytest.raises(ConfigError, match="must name a port"):
        endpoint_of("tcp://h", TCP_SCHEMES)
    with pytest.raises(ConfigError, match="tcp:// or tls://"):
        endpoint_of("ws://h", TCP_SCHEMES)
