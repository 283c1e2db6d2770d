"""A Toxiproxy that we did not start: we add toxics with a name of ours, and remove them again.

A guard process removes them even if this process is killed: it waits for the end of its standard
input, which the operating system closes then.
"""

import contextlib
import subprocess
import sys
from urllib.parse import urlsplit

from gauntlet.chaos.clients.toxiproxy import ProxyClient, ProxyError
from gauntlet.core.errors import StackError

_MODULE = "gauntlet.chaos.clients.running_toxiproxy"
_WILDCARDS = ("0.0.0.0", "[::]", "")  # noqa: S104  # recognised, not bound
_CLOSE_TIMEOUT_S = 15.0


def prefix_of(run_id: str) -> str:
    """Return how the names of a run's toxics begin, so that no other run removes them."""
    return f"gauntlet-{run_id}-"


def address_of(listen: str, api_url: str) -> str:
    """Return the `host:port` at which a proxy is reached: one that listens everywhere has none."""
    host, _, port = listen.rpartition(":")
    reachable = urlsplit(api_url).hostname if host in _WILDCARDS else host.strip("[]")
    return f"{reachable}:{port}"


def remove_toxics(client: ProxyClient, prefix: str) -> list[str]:
    """Remove every toxic whose name begins with `prefix`; return their names."""
    removed = []
    for proxy in client.proxies().values():
        for toxic in proxy.toxics:
            if toxic.name.startswith(prefix):
                with contextlib.suppress(ProxyError):  # it may be gone meanwhile
                    client.remove_toxic(proxy.name, toxic.name)
                    removed.append(toxic.name)
    return removed


class Guard:
    """Removes our toxics when it is closed, and when this process ends in any way."""

    def __init__(self, api_url: str, prefix: str) -> None:
        """Start the guard; StackError if no Toxiproxy answers at `api_url`."""
        self.prefix = prefix
        try:
            ProxyClient(api_url).version()
        except ProxyError as error:
            raise StackError(f"target.toxiproxy must be the API of a Toxiproxy; {error}") from error
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, api_url, prefix],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches only the harness, which heals the faults first
        )

    def close(self) -> None:
        """Let the guard remove what is left, and wait for its end."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(_CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def main() -> None:
    """Wait until the harness has ended, then remove its toxics."""
    api_url, prefix = sys.argv[1:]
    sys.stdin.buffer.read()
    with contextlib.suppress(ProxyError):
        remove_toxics(ProxyClient(api_url), prefix)


if __name__ == "__main__":
    main()
