"""Requests and plain responses of HTTP/1.1 as bytes. Pure, and compiled with the engine."""

from collections.abc import Mapping

from gauntlet.scenarios.adapters.base import Request, Response

_LENGTH = b"content-length: "
_LENGTH_DIGITS_MAX = 18


def invalid(request: Request) -> str | None:
    """Return why a request cannot be sent, for example because it would contain a second one."""
    line = f"{request.method} {request.path}"
    if line.count(" ") != 1 or not line.isprintable() or not line.isascii():
        return f"{line!r} is no method and path"
    for name, value in (*request.headers.items(), ("Authorization", request.token)):
        if "\n" in value or "\r" in value or not name or not name.isprintable():
            return f"the header {name!r} contains a line break"
        if not value.isascii() and value.encode(errors="replace") != value.encode(errors="ignore"):
            return f"the header {name!r} is not valid Unicode"
    return None


def header_lines(headers: Mapping[str, str]) -> str:
    """Return headers as the lines of a request."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def encode(request: Request, authority: str, target_headers: str) -> bytes:
    """Return the bytes of a request; `target_headers` are the lines of `target.headers`."""
    own = header_lines(request.headers) if request.headers else ""
    named = (own + target_headers).lower() if own or target_headers else ""
    host = "" if _has(named, "host") else f"Host: {authority}\r\n"
    if own and target_headers:
        target_headers = _without(target_headers, own)
    if request.token:
        own += f"Authorization: Bearer {request.token}\r\n"
    if request.body and not _has(named, "content-type"):
        own += "Content-Type: application/json\r\n"
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\n{host}{target_headers}{own}"
        f"Content-Length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


def _has(lower_lines: str, name: str) -> bool:
    return lower_lines.startswith(f"{name}:") or f"\n{name}:" in lower_lines


def _without(lines: str, own: str) -> str:
    """Return the lines whose headers the request does not set itself."""
    lower = own.lower()
    return "".join(
        line
        for line in lines.splitlines(keepends=True)
        if not _has(lower, line.partition(":")[0].lower())
    )


def plain_success(data: bytes) -> Response | None:
    """Return the response if `data` is a complete and plain 2xx with a length; otherwise None.

    Nearly all responses are, and a parser that calls back for every header costs several times as
    much.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or not data.startswith(b"HTTP/1.1 2"):
        return None
    head = data[:end].lower()
    length_at = head.find(_LENGTH)
    if length_at < 0 or b"\r\nconnection:" in head or b"\r\ntransfer-encoding:" in head:
        return None
    length, _, _ = head[length_at + len(_LENGTH) :].partition(b"\r")
    if (
        not length.isdigit()
        or len(length) > _LENGTH_DIGITS_MAX
        or len(data) != end + 4 + int(length)
    ):
        return None
    return Response(int(data[9:12]), data[end + 4 :], head=data[: end + 2])
