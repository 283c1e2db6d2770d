"""Sends requests to a collector, until another thread ends that for good.

A request that waits for a collector has to end with the run: its thread would keep the judge from
forking processes. `http.client` hides its socket while it connects and while TLS shakes hands, so
the sockets are opened here.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping

from gauntlet.runner.exporter.otlp import answer
from gauntlet.runner.exporter.otlp.answer import Answer
from gauntlet.runner.exporter.otlp.collector import Collector

TIMEOUT_S = 5.0  # of connecting, and of each wait for the answer

_FAILURES = (OSError, http.client.HTTPException, ValueError)


class Client:
    """Sends one request at a time, without redirects and proxies: both would receive the headers.

    Only the resolution of a name cannot be ended.
    """

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._tls = ssl.create_default_context() if collector.scheme == "https" else None
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self.is_ended = False

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer of the collector, or the problem in its place."""
        connection = self._unconnected()
        try:
            connection.sock = self._connected()
            connection.request("POST", self._collector.path, body, {**headers})
            return answer.read(connection.getresponse())
        except _FAILURES as error:
            return Answer(str(error) or type(error).__name__)
        finally:
            connection.close()
            self._hold(None)

    def end(self) -> None:
        """Make the request under way fail, whatever it waits for, and all further ones."""
        with self._lock:
            self.is_ended = True
            if self._held is not None:
                with contextlib.suppress(OSError):  # it is not connected any more
                    self._held.shutdown(socket.SHUT_RDWR)

    def _unconnected(self) -> http.client.HTTPConnection:
        host, port = self._collector.host, self._collector.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port)
        return http.client.HTTPSConnection(host, port, context=self._tls)

    def _connected(self) -> socket.socket:
        """Return a connection to the first address of the collector that accepts one."""
        host, port = self._collector.host, self._collector.port
        problem = OSError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            opened = socket.socket(family, kind, protocol)
            try:
                opened.settimeout(TIMEOUT_S)
                self._hold(opened)
                opened.connect(address)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._tls.wrap_socket(opened, server_hostname=host) if self._tls else opened
            except OSError as error:
                opened.close()
                problem = error
        raise problem

    def _hold(self, opened: socket.socket | None) -> None:
        """Keep a duplicate of a socket for `end`, because TLS detaches the socket itself."""
        with self._lock:
            if self._held is not None:
                self._held.close()
            self._held = None
            if opened is None:
                return
            if self.is_ended:
                raise ConnectionAbortedError("the run ended")
            self._held = opened.dup()
