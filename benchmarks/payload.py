"""The request of a send as bytes: everything but a number and a time is made once."""

import itertools
import time

BODY_CHARS = 100
_PADDING = "x" * (BODY_CHARS - 19)
_JSON = b'{"client_msg_id":"%016x","body":"%019d' + _PADDING.encode() + b'"}'
_LENGTH = len(_JSON % (0, 0))


class Target:
    """Where messages go: one conversation and its writer."""

    def __init__(self, path: str, token: str, readers: int) -> None:
        """`readers`: how many connections each message must reach."""
        self.readers = readers
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: benchmark\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {_LENGTH}\r\n\r\n"
        ).encode()

    def request(self, due_ns: int) -> bytes:
        """A new message that was due at a time of the monotonic clock."""
        return self._head + _JSON % (next(_numbers), due_ns)


# Unlike those of any other generator that writes to the same server.
_numbers = itertools.count(time.time_ns())


def due_ns_of(body: str) -> int:
    """When a received message was due."""
    return int(body[:19])
