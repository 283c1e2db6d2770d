"""`gauntlet proxy`: run the fault proxy alone, for any client of Toxiproxy."""

import argparse

from gauntlet.chaos.proxy import server
from gauntlet.chaos.proxy.proxy import Proxy
from gauntlet.core.errors import Exit


def run(options: argparse.Namespace) -> Exit:
    """Serve until Ctrl-C, which ends it with success."""
    server.serve(
        server.Options(options.host, options.port, options.seed, options.config), _print_ready
    )
    return Exit.OK


def _print_ready(api_url: str, proxies: list[Proxy]) -> None:
    for proxy in proxies:
        state = "" if proxy.enabled else "  (disabled)"
        print(f"  {proxy.name:20} {proxy.listen} → {proxy.upstream}{state}")
    print(f"api  {api_url}")
    print("Press Ctrl-C to stop.", flush=True)
