"""`python -P -m gauntlet.chaos.proxy`: serve until standard input ends, SIGTERM or SIGINT.

Prints one JSON line, {"api": "http://127.0.0.1:port"}, when the API is ready. The harness starts
its proxies so; people use `gauntlet proxy`.
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable

from gauntlet.chaos.proxy.proxy import Proxy
from gauntlet.chaos.proxy.server import Options, serve


def main() -> None:
    program = "python -P -m gauntlet.chaos.proxy"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:0", help="address of the API")
    parser.add_argument(
        "--seed", type=int, default=0, help="makes the random decisions of toxicity repeatable"
    )
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    serve(Options(host, int(port), options.seed), _print_ready, _watch_stdin)


def _print_ready(api_url: str, _proxies: list[Proxy]) -> None:
    sys.stdout.write(json.dumps({"api": api_url}) + "\n")
    sys.stdout.flush()


def _watch_stdin(stop: Callable[[], None]) -> None:
    threading.Thread(target=_wait_for_eof, args=(stop,), daemon=True).start()


def _wait_for_eof(stop: Callable[[], None]) -> None:
    # Not sys.stdin: a thread that reads from it holds a lock that the interpreter needs to exit.
    while os.read(0, 4096):
        pass
    stop()


if __name__ == "__main__":
    main()
