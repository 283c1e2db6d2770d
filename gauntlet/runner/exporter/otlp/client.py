"""Sends requests to a collector, until another thread ends that for good.

A request that waits for a collector has to end with the run: its thread would keep the judge from
forking processes. `http.client` hides its socket while it connects and while TLS shakes hands, so
the sockets are opened here.
"""

import contextlib
import errno
import http.client
import os
import select
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any

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
            with self._lock:
                self._release()

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
                opened.setblocking(False)
                self._begin_to_connect(opened, address)
                _await_connection(opened)
                opened.settimeout(TIMEOUT_S)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._tls.wrap_socket(opened, server_hostname=host) if self._tls else opened
            except OSError as error:
                opened.close()
                problem = error
        raise problem

    def _begin_to_connect(self, opened: socket.socket, address: Any) -> None:
        """Connect without waiting, and keep a duplicate for `end`: TLS detaches the socket itself.

        Under the lock, because `end` cannot shut down a socket that does not connect yet.
        """
        with self._lock:
            self._release()
            if self.is_ended:
                raise ConnectionAbortedError("the run ended")
            code = opened.connect_ex(address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            self._held = opened.dup()

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
        self._held = None


def _await_connection(opened: socket.socket) -> None:
    """Wait until a socket has connected; OSError if it could not."""
    connected = select.poll()
    connected.register(opened, select.POLLOUT)
    if not connected.poll(TIMEOUT_S * 1000):
        raise TimeoutError("timed out")
    if code := opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))
