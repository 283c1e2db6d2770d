"""A server that answers with given bytes, which need not be valid HTTP."""

import asyncio


class Server:
    """Answers each request with its next reply, as raw bytes; None closes the connection."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.connections = 0
        self.requests = []
        self._open = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        # A client may keep a connection for its next request; newer versions of Python wait for it.
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._open.add(writer)
        try:
            while self.replies:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _length(head)
                self.requests.append(head + await reader.readexactly(length))
                reply = self.replies.pop(0)
                if reply is None:
                    break
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()


def reply(body, status="200 OK", extra=""):
    """A whole HTTP response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n{body}".encode()


def _length(head):
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split()[0]) if found else 0
