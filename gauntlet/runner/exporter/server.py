"""Serves the metrics of a run over HTTP for as long as the run lasts."""

import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from gauntlet.core.errors import ConfigError
from gauntlet.runner.exporter.page import CONTENT_TYPE

PATH = "/metrics"
REQUEST_TIMEOUT_S = 5.0


class MetricsServer:
    """Answers `GET /metrics` with `page()`; a context manager.

    The port is bound at once: ConfigError if that is not possible. Port 0 is any free one.
    """

    def __init__(self, host: str, port: int, page: Callable[[], str]) -> None:
        handler = type("Handler", (_Handler,), {"page": staticmethod(page)})
        try:
            self._server = _server_class(host)((host, port), handler)
        except (OSError, OverflowError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"the port for metrics must be one that can be listened on; got {port} of "
                f"{host!r:.80} ({reason})"
            ) from error
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}{PATH}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the port; an answer that is still being sent is not waited for."""
        del exc
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_port = False  # two runs would share a port, and each scrape reach any of them

    def server_bind(self) -> None:
        # HTTPServer would look up the host's name, which may take seconds without a name server.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print no traceback for a client that has gone before its answer came."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server_class(host: str) -> type[_Server]:
    return _Server6 if ":" in host else _Server


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT_S
    page: Callable[[], str]

    def do_GET(self) -> None:
        """Answer with the metrics."""
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"the metrics are at {PATH}")
            return
        body = self.page().encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Answer with the headers alone."""
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Print nothing: the output of the run is for people."""
