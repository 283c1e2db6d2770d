"""Free ports: distinct, and outside the range of outgoing connections."""

import socket

import pytest

from gauntlet.reference_server.cluster.topology.ports import (
    HOST,
    PortAllocator,
    ephemeral_start,
    is_free,
)


def test_ports_are_distinct_free_and_below_the_ephemeral_range():
    allocate = PortAllocator()
    ports = [allocate() for _ in range(1000)]
    assert len(set(ports)) == 1000
    assert max(ports) < ephemeral_start()
    assert all(is_free(port) for port in ports[:20])


def test_a_port_in_use_is_not_returned():
    """Of two ports one is taken: the other is returned, and then none is left."""
    free = PortAllocator()()
    while not is_free(free + 1):
        free = PortAllocator()()
    with socket.socket() as taken:
        taken.bind((HOST, free))
        allocate = PortAllocator(lowest=free, below=free + 2)
        assert allocate() == free + 1
        with pytest.raises(OSError, match="no free port"):
            allocate()
