"""Which hosts are certainly this machine."""

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
def test_only_loopback_is_loopback(host, certain):
    """A name that might resolve elsewhere is not trusted."""
    assert is_loopback(host) is certain
