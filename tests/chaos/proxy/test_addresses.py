"""Addresses as Go reads them."""

import pytest

from gauntlet.chaos.proxy.addresses import format_address, resolve, resolve_all
from gauntlet.chaos.proxy.errors import ApiError


@pytest.mark.parametrize(
    ("address", "numeric"),
    [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("127.0.0.1:http", "127.0.0.1:80"),
        ("127.0.0.1:+80", "127.0.0.1:80"),
        ("127.0.0.1:65535", "127.0.0.1:65535"),
        ("127.0.0.1:", "127.0.0.1:0"),
        (":80", "127.0.0.1:80"),
        ("", "127.0.0.1:0"),
    ],
)
async def test_names_resolve_to_ipv4_first_and_no_host_is_loopback(address, numeric):
    """Unlike Toxiproxy, a missing host never means every interface."""
    assert str(await resolve(address)) == numeric


# The messages are those of Go's net package, which toxiproxy-server sends.
MALFORMED = [
    ("nonsense", "address nonsense: missing port in address"),
    ("127.0.0.1", "address 127.0.0.1: missing port in address"),
    ("a:b:80", "address a:b:80: too many colons in address"),
    ("::1:80", "address ::1:80: too many colons in address"),
    ("[::1]80", "address [::1]80: missing port in address"),
    ("[::1]", "address [::1]: missing port in address"),
    ("[::1]:8:0", "address [::1]:8:0: too many colons in address"),
    ("[::1:80", "address [::1:80: missing ']' in address"),
    ("a]b:80", "address a]b:80: unexpected ']' in address"),
    ("a[b:80", "address a[b:80: unexpected '[' in address"),
    ("127.0.0.1:65536", "address 65536: invalid port"),
    ("127.0.0.1:99999", "address 99999: invalid port"),
    ("127.0.0.1:-1", "address -1: invalid port"),
    ("127.0.0.1:" + "9" * 5000, f"address {'9' * 5000}: invalid port"),
    ("127.0.0.1:none", "lookup tcp/none: unknown port"),
    ("127.0.0.1:8080 ", "lookup tcp/8080 : unknown port"),
    ("127.0.0.1:１２", "lookup tcp/１２: unknown port"),
    ("a\0b:80", "lookup a\0b: no such host"),
    ("x" * 70 + ".invalid:80", f"lookup {'x' * 70}.invalid: no such host"),
]


@pytest.mark.parametrize(("address", "message"), MALFORMED)
async def test_a_malformed_address_is_refused_with_the_reason(address, message):
    """A port above 65535 never wraps to another one."""
    with pytest.raises(ApiError) as caught:
        await resolve_all(address)
    assert (caught.value.message, caught.value.status) == (message, 500)


def test_a_name_of_a_socket_is_formatted_with_brackets_around_colons():
    assert format_address(("127.0.0.1", 80)) == "127.0.0.1:80"
    assert format_address(("::1", 80, 0, 0)) == "[::1]:80"
