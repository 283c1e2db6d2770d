"""The control API (docs/reference/control-api.md) of a system that consists of one component.

Calls that such a system does not support (a cutover, a rolling update) are answered with 404.
"""

import json
import secrets
import socket
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Protocol

from gauntlet.core.errors import GauntletError

VERBS = ("kill", "start", "pause", "resume")
# A request that has not arrived completely by then is dropped: others wait behind it.
REQUEST_TIMEOUT_S = 5.0
BODY_BYTES_MAX = 65_536


class ControlledComponent(Protocol):
    """The component that the control API acts on."""

    def components(self) -> list[dict[str, Any]]:
        """Return a list with the component in its current state, as a row of the control API."""

    def act(self, verb: str, signal_name: str) -> int | None:
        """Do one of `VERBS`; return the process id, or None if the state forbids the action."""


class ControlServer:
    """Serves on a free loopback port until it is stopped; every call needs the token.

    One thread handles all calls, one after the other. A thread per call would not do: the kernel
    ends a child process when the thread that started it ends (`gauntlet.core.parent_death`).
    """

    def __init__(self, component: ControlledComponent) -> None:
        self.token = secrets.token_urlsafe(16)
        attributes = {"component": component, "token": self.token}
        handler = type("Handler", (_Handler,), attributes)
        self._server = ControlHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="control")
        self._thread.start()

    def stop(self) -> None:
        """Close the port and wait for the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ControlHTTPServer(HTTPServer):
    """Serves HTTP, and prints only unexpected errors."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print no traceback for a client that has gone before its answer came."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    component: ControlledComponent
    token: str

    def setup(self) -> None:
        """Begin to read a request, which has to arrive in time."""
        super().setup()
        self._is_late = False
        self._limit = threading.Timer(REQUEST_TIMEOUT_S, self._stop_reading)
        self._limit.daemon = True
        self._limit.start()

    def finish(self) -> None:
        """End the connection."""
        self._limit.cancel()
        super().finish()

    def _stop_reading(self) -> None:
        self._is_late = True
        with suppress(OSError):  # the client has closed the connection meanwhile
            self.connection.shutdown(socket.SHUT_RD)

    def do_GET(self) -> None:
        if not self._is_authorized():
            self._answer(401, {"error": "the token is wrong"})
        elif self.path == "/components":
            self._answer(200, {"components": self.component.components()})
        else:
            self._answer(404, {"error": f"this system has no {self.path}"})

    def do_POST(self) -> None:
        if not self._is_authorized():
            self._answer(401, {"error": "the token is wrong"})
            return
        try:
            body = self._body()
        except ValueError as error:
            self._answer(400, {"error": str(error)})
            return
        # "/components/NAME/VERB"; missing parts are empty.
        _, _, name, verb = (*self.path.split("/"), "", "", "")[:4]
        if verb not in VERBS or name not in [row["name"] for row in self.component.components()]:
            self._answer(404, {"error": f"this system has no {self.path}"})
        else:
            self._act(name, verb, body)

    def _body(self) -> dict[str, Any]:
        """Read the body; ValueError if it is incomplete, too long or not a JSON object."""
        if self._is_late:  # reading took the end of the input for the end of the head
            raise ValueError("the head of the request is incomplete")
        length = self.headers["Content-Length"] or "0"
        if not (length.isascii() and length.isdecimal()) or int(length) > BODY_BYTES_MAX:
            raise ValueError(f"the body may have at most {BODY_BYTES_MAX} bytes")
        content = self.rfile.read(int(length))
        if len(content) < int(length):
            raise ValueError("the body is incomplete")
        try:
            body = json.loads(content or b"{}")
        except RecursionError as error:
            raise ValueError("the body is nested too deeply") from error
        if not isinstance(body, dict):
            raise ValueError("the body must be a JSON object")
        return body

    def _act(self, name: str, verb: str, body: dict[str, Any]) -> None:
        if "delay_ms" in body:
            self._answer(400, {"error": "this system cannot delay a start (delay_ms)"})
            return
        try:
            pid = self.component.act(verb, str(body.get("signal", "KILL")))
        except GauntletError as error:
            self._answer(503, {"error": str(error)})
            return
        if pid is None:
            state = self.component.components()[0]["state"]
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

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Do not log: every action is an event of the run already."""
