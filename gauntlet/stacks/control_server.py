"""The control API (docs/reference/control-api.md) of a system that is one component.

What such a system cannot do (a cutover, a rolling update) is refused with 404.
"""

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Protocol

from gauntlet.core.errors import GauntletError

VERBS = ("kill", "start", "pause", "resume")


class Owner(Protocol):
    """The component that is steered."""

    def components(self) -> list[dict[str, Any]]:
        """It, as it is now."""

    def act(self, verb: str, signal_name: str) -> int | None:
        """Do one of `VERBS`; its process id, or None where its state forbids that."""


class ControlServer:
    """Serves on a free port of loopback until stopped; every call needs the token.

    One thread does it all, one call after the other: the kernel ends a component when the thread
    that started it ends (`gauntlet.stacks.subprocesses`), so that must not be a call's own.
    """

    def __init__(self, owner: Owner) -> None:
        self.token = secrets.token_urlsafe(16)
        handler = type("Handler", (_Handler,), {"owner": owner, "token": self.token})
        self._server = HTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="control")
        self._thread.start()

    def stop(self) -> None:
        """Close the port; harmless when it is closed."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: Owner
    token: str

    def do_GET(self) -> None:
        if not self._is_authorized():
            self._answer(401, {"error": "the token is wrong"})
        elif self.path == "/components":
            self._answer(200, {"components": self.owner.components()})
        else:
            self._answer(404, {"error": f"this system has no {self.path}"})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        _, _, name, verb = (*self.path.split("/"), "", "", "")[:4]
        if not self._is_authorized():
            self._answer(401, {"error": "the token is wrong"})
        elif verb not in VERBS or name not in [one["name"] for one in self.owner.components()]:
            self._answer(404, {"error": f"this system has no {self.path}"})
        else:
            self._act(name, verb, json.loads(content or b"{}"))

    def _act(self, name: str, verb: str, body: dict[str, Any]) -> None:
        try:
            pid = self.owner.act(verb, str(body.get("signal", "KILL")))
        except GauntletError as error:
            self._answer(503, {"error": str(error)})
            return
        if pid is None:
            state = self.owner.components()[0]["state"]
            self._answer(409, {"error": f"{verb}: {name} is {state}"})
        else:
            self._answer(200, {"pid": pid})

    def _is_authorized(self) -> bool:
        return self.headers["Authorization"] == f"Bearer {self.token}"

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Every act is an event of the run already."""
