"""Send requests as bytes; everything except a number and a time is encoded only once."""

import itertools
import time

BODY_CHARS = 100
_PADDING = "x" * (BODY_CHARS - 19)
_JSON = b'{"client_msg_id":"%016x","body":"%019d' + _PADDING.encode() + b'"}'
_LENGTH = len(_JSON % (0, 0))


class Destination:
    """One conversation and the user who writes to it."""

    def __init__(self, path: str, token: str, readers: int) -> None:
        """`readers` is the number of connections that each message must reach."""
        self.readers = readers
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: benchmark\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {_LENGTH}\r\n\r\n"
        ).encode()

    def request(self, due_ns: int) -> bytes:
        """Return the request for a new message that was due at a monotonic time."""
        return self._head + _JSON % (next(_numbers), due_ns)


# Starts at the current time, so that the ids of two generators differ.
_numbers = itertools.count(time.time_ns())


def due_ns_of(body: str) -> int:
    """Return the time at which a received message was due."""
    return int(body[:19])
