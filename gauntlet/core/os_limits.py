"""The operating system's limits on open descriptors and on ports for outgoing connections."""

import contextlib
import resource
from pathlib import Path

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# The dynamic ports of RFC 6335, which macOS and the BSDs use.
_DYNAMIC_PORTS = 65_535 - 49_152 + 1
# Some programs allocate a table for as many descriptors as the limit allows: with a limit of 10^9,
# RabbitMQ takes gigabytes of memory.
_DESCRIPTORS_MAX = 2**20


def descriptors_allowed() -> int:
    """Return how many descriptors a process may open after it has called `raise_descriptors`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS_MAX)
    return max(soft, most)


def raise_descriptors() -> int:
    """Raise the soft limit of this process, and of children started later; return the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS reports an infinite hard limit, but refuses values above a limit of its kernel.
    with contextlib.suppress(ValueError, OSError):
        if soft < descriptors_allowed():
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors_allowed(), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def ports_per_address(source: Path = PORT_RANGE) -> int:
    """Return how many connections one address can have to one destination at the same time."""
    try:
        first, last = map(int, source.read_text().split())
    except (OSError, ValueError):
        return _DYNAMIC_PORTS
    return last - first + 1
