"""How many descriptors a process may open here, and how many ports an address has to dial from."""

import contextlib
import resource
from pathlib import Path

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# What macOS and the BSDs give: the dynamic ports of RFC 6335.
_DYNAMIC_PORTS = 65_535 - 49_152 + 1
# Some programs keep a table of all that they might open: RabbitMQ takes gigabytes for a billion.
_DESCRIPTORS_MAX = 2**20


def descriptors_allowed() -> int:
    """How many a process of ours may have open, once `raise_descriptors` was called in it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS_MAX)
    return max(soft, most)


def raise_descriptors() -> int:
    """Allow this process, and the children that it starts from now on, what there is to have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS says that there is no limit, and refuses what is above one of its kernel's.
    with contextlib.suppress(ValueError, OSError):
        if soft < descriptors_allowed():
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors_allowed(), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def ports_per_address(source: Path = PORT_RANGE) -> int:
    """How many connections one address can have to one destination."""
    try:
        first, last = map(int, source.read_text().split())
    except (OSError, ValueError):
        return _DYNAMIC_PORTS
    return last - first + 1
