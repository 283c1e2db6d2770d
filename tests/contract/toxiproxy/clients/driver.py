"""Drives a fault proxy with toxiproxy-python.

Like the drivers in other languages, it answers each line of standard input, one JSON request, with
one line: `{"ok": …}` or `{"error": "…"}`. Its argument is the address of the API.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from toxiproxy import Toxiproxy

Request = Mapping[str, Any]


class Driver:
    """One method for each request; what a method returns is the answer."""

    def __init__(self, host: str, port: str) -> None:
        self._server = Toxiproxy()
        self._server.update_api_consumer(host, int(port))

    def version(self, _: Request) -> str:
        return self._server.version().decode()

    def create(self, asked: Request) -> Any:
        return _proxy(self._server.create(asked["upstream"], asked["name"], asked["listen"]))

    def proxies(self, _: Request) -> Any:
        return sorted(self._server.proxies())

    def proxy(self, asked: Request) -> Any:
        return _proxy(self._server.get_proxy(asked["name"]))

    def disable(self, asked: Request) -> None:
        self._server.get_proxy(asked["name"]).disable()

    def enable(self, asked: Request) -> None:
        self._server.get_proxy(asked["name"]).enable()

    def delete(self, asked: Request) -> None:
        self._server.get_proxy(asked["name"]).destroy()

    def populate(self, asked: Request) -> Any:
        return sorted(proxy.name for proxy in self._server.populate(asked["proxies"]))

    def reset(self, _: Request) -> None:
        self._server.reset()

    def add_toxic(self, asked: Request) -> None:
        self._server.get_proxy(asked["proxy"]).add_toxic(**asked["toxic"])

    def toxic(self, asked: Request) -> Any:
        toxic = self._server.get_proxy(asked["proxy"]).get_toxic(asked["name"])
        return {key: getattr(toxic, key) for key in ("name", "stream", "toxicity", "attributes")}

    def remove_toxic(self, asked: Request) -> None:
        self._server.get_proxy(asked["proxy"]).destroy_toxic(asked["name"])


def _proxy(proxy: Any) -> Any:
    return {key: getattr(proxy, key) for key in ("name", "listen", "upstream", "enabled")}


def main() -> None:
    """Answer requests until the end of standard input."""
    driver = Driver(*sys.argv[1].removeprefix("http://").split(":"))
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"ok": getattr(driver, asked["do"])(asked)}
        except Exception as error:  # noqa: BLE001  # each error of the client is an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
