"""Which hosts are this machine."""

import pytest

from gauntlet.core.hosts import is_loopback


@pytest.mark.parametrize(
    ("host", "certain"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
        ("", False),
        ("0.0.0.0", False),
    ],
)
def test_only_loopback_addresses_and_localhost_are_this_machine(host, certain):
    """Other names might resolve to another machine."""
    assert is_loopback(host) is certain
