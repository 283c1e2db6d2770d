"""Addresses as `host:port`, read as Toxiproxy reads them and refused with its messages."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

from gauntlet.chaos.proxy import errors

PORT_MAX = 65535
_LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """A numeric address of a TCP socket."""

    family: socket.AddressFamily
    host: str
    port: int

    def __str__(self) -> str:
        return format_address((self.host, self.port))


def format_address(name: tuple[str | int, ...]) -> str:
    """Format the name of a socket as `127.0.0.1:80` or `[::1]:80`."""
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


async def resolve_all(address: str) -> list[Address]:
    """Resolve `host:port`, IPv4 first; raises ApiError (500) if it is malformed or unknown.

    A missing host means loopback. In Toxiproxy it means every interface of the machine, which a
    fault proxy should not open.
    """
    host, port = _split(address) if address else ("", "")
    number = _port_number(port)
    host = host or _LOOPBACK
    try:
        found = await _look_up(host, number)
    except (OSError, ValueError) as error:  # ValueError: a host that is no name at all
        raise errors.ApiError(f"lookup {host}: no such host", 500) from error
    candidates = [Address(family, str(name[0]), int(name[1])) for family, _, _, _, name in found]
    return sorted(candidates, key=lambda each: each.family != socket.AF_INET)


async def resolve(address: str) -> Address:
    """Return the first address that `resolve_all` finds."""
    return (await resolve_all(address))[0]


def _split(address: str) -> tuple[str, str]:
    """Split into host and port, with the checks and messages of Go's `net.SplitHostPort`."""
    before, colon, port = address.rpartition(":")
    if not colon:
        raise _malformed(address, "missing port in address")
    if not address.startswith("["):
        if ":" in before:
            raise _malformed(address, "too many colons in address")
        host = before
    else:
        host, bracket, rest = address[1:].partition("]")
        if not bracket:
            raise _malformed(address, "missing ']' in address")
        if rest != f":{port}":
            too_many = rest.startswith(":")
            raise _malformed(
                address, "too many colons in address" if too_many else "missing port in address"
            )
    for bracket in "[]":
        if bracket in host + port:
            raise _malformed(address, f"unexpected '{bracket}' in address")
    return host, port


def _port_number(port: str) -> int:
    digits = port.removeprefix("-" if port.startswith("-") else "+")
    if port == "":
        return 0
    if digits.isascii() and digits.isdecimal():
        # The C library would use the low 16 bits of a larger number.
        number = int(port) if len(digits) <= len(str(PORT_MAX)) + 10 else -1
        if not 0 <= number <= PORT_MAX:
            raise _malformed(port, "invalid port")
        return number
    try:
        return socket.getservbyname(port, "tcp")
    except (OSError, ValueError) as error:
        raise errors.ApiError(f"lookup tcp/{port}: unknown port", 500) from error


async def _look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    with contextlib.suppress(OSError):  # a numeric host needs no thread
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _malformed(address: str, reason: str) -> errors.ApiError:
    return errors.ApiError(f"address {address}: {reason}", 500)
