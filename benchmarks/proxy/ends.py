"""Both outer ends of proxied links, in a process of their own: an upstream, and senders of bytes.

It first prints the port of the upstream, and then answers each line of input with one line. The
first byte of a connection says what the upstream does with it: `e` echoes, `s` counts.
"""

import contextlib
import socket
import sys
import threading
import time

import msgspec

CHUNK = bytes(262_144)
ECHO, SINK = b"e", b"s"


class Job(msgspec.Struct):
    """What to do: `start` to send over connections to an address, `count` from now on, `stop`."""

    do: str
    address: str = ""
    connections: int = 1


class Sent(msgspec.Struct):
    """What the upstream received between `count` and `stop`."""

    received: int = 0
    seconds: float = 0.0


class Ends:
    """The upstream, and the senders that run at present."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._received = 0
        self._began_s = 0.0
        self._senders: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def do(self, job: Job) -> Sent:
        """Start or stop the senders, or count what they send."""
        if job.do == "start":
            for _ in range(job.connections):
                sender = connect(job.address)
                sender.sendall(SINK)
                self._senders.append(sender)
                threading.Thread(target=_send, args=(sender,), daemon=True).start()
            return Sent()
        if job.do == "count":
            self._began_s, self._received = time.monotonic(), 0
            return Sent()
        sent = Sent(self._received, time.monotonic() - self._began_s)
        for sender in self._senders:
            with contextlib.suppress(OSError):
                sender.shutdown(socket.SHUT_RDWR)  # unlike a close, this ends its thread
        self._senders.clear()
        return sent

    def _accept(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if connection.recv(1) == ECHO:
                while data := connection.recv(65_536):
                    connection.sendall(data)
                return
            buffer = bytearray(len(CHUNK))
            while size := connection.recv_into(buffer):
                self._received += size


def connect(address: str) -> socket.socket:
    """Connect to `host:port` without delaying small writes."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _send(sender: socket.socket) -> None:
    with sender, contextlib.suppress(OSError):
        while True:
            sender.sendall(CHUNK)


def main() -> None:
    """Do the jobs of standard input until its end."""
    ends = Ends()
    print(ends.listener.getsockname()[1], flush=True)
    for line in sys.stdin.buffer:
        answer = ends.do(msgspec.json.decode(line, type=Job))
        print(msgspec.json.encode(answer).decode(), flush=True)


if __name__ == "__main__":
    main()
