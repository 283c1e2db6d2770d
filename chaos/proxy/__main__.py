"""`python -P -m gauntlet.chaos.proxy`: serve until standard input ends, SIGTERM or SIGINT.

Prints one JSON line, {"api": "http://127.0.0.1:port"}, when the API is ready.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading

import uvloop
from aiohttp import web

from gauntlet.chaos.proxy.api import application
from gauntlet.chaos.proxy.collection import Proxies
from gauntlet.chaos.proxy.proxied_connection import address
from gauntlet.core import os_limits


def main() -> None:
    program = "python -P -m gauntlet.chaos.proxy"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:0", help="address of the API")
    parser.add_argument(
        "--seed", type=int, default=0, help="makes the random decisions of toxicity repeatable"
    )
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    os_limits.raise_descriptors()  # each connection needs two
    uvloop.run(_serve(host, int(port), options.seed))


async def _serve(host: str, port: int, seed: int) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    stdin_watcher = threading.Thread(target=_wait_for_eof, args=(loop, stopped), daemon=True)
    proxies = Proxies(seed)
    runner = web.AppRunner(application(proxies), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    stdin_watcher.start()
    sys.stdout.write(json.dumps({"api": f"http://{address(runner.addresses[0])}"}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    proxies.stop()
    await runner.cleanup()


def _wait_for_eof(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    # Not sys.stdin: a thread that reads from it holds a lock that the interpreter needs to exit.
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stopped.set)


if __name__ == "__main__":
    main()
