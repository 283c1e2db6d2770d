"""Limits children by their CPU time: how long they take on a busy machine says nothing of them."""

import resource
from collections.abc import Callable

# For `pytest.mark.timeout`: only a child that waits for something that never comes needs so long.
HANGS_S = 900


def limit(cpu_s: int) -> Callable[[], None]:
    """Return a `preexec_fn`: a signal ends the child, or one of its own, at so much CPU time."""
    return lambda: resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
