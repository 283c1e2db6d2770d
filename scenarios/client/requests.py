"""How a user reaches the service now: codec, gateway, connection, and his open calls. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from gauntlet.scenarios.adapters.base import Call, OverHttp, OverSocket, ProtocolError, Response
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.workloads.entities import User

_NEVER_NS = 1 << 63
T = TypeVar("T")


class RequestChannel:
    """One user's way in and out.

    `connection_number` stays that of the last connection while there is none, so that records of
    this time still belong to the user.
    """

    __slots__ = (
        "_connection",
        "_context",
        "_expires_ns",
        "_open",
        "codec",
        "connection_number",
        "gateway",
    )

    def __init__(self, context: Context, user: User, gateway: int) -> None:
        self.codec = context.adapter.codec(user.name, user.device)
        self.gateway = gateway
        self.connection_number = 0
        self._context = context
        self._connection: Connection | None = None
        self._open: dict[str, tuple[Callable[[Any], None], int]] = {}  # by ticket, until when
        self._expires_ns = _NEVER_NS

    def switch_gateway(self, gateway: int) -> None:
        """Go elsewhere after a failure there; many failures at one gateway are one move."""
        if self.gateway == gateway:
            self.gateway += 1

    @property
    def target_address(self) -> str:
        """The target's own address, for systems that tell of no other."""
        return self._context.api[self.gateway % len(self._context.api)]

    @property
    def connection(self) -> Connection | None:
        """The current connection."""
        return self._connection

    @connection.setter
    def connection(self, connection: Connection | None) -> None:
        self._connection = connection
        if connection is not None:
            self.connection_number = connection.number

    def call(self, call: Call[T], timeout_ns: int, answered: Callable[[T | None], None]) -> None:
        """Make a call; `answered` is called once, with None if refused, or not answered in time."""
        if isinstance(call, OverHttp):
            read = partial(_read, call, answered)
            self._context.transport.request(self.gateway, call.request, timeout_ns, read)
        else:
            self._say(call, timeout_ns, answered)

    def _say(
        self, call: OverSocket[T], timeout_ns: int, answered: Callable[[T | None], None]
    ) -> None:
        until_ns = self._context.now_ns() + timeout_ns
        self._open[call.ticket] = (answered, until_ns)
        if until_ns < self._expires_ns:
            self._expire_at(until_ns)
        if self._connection is not None:
            for frame in call.frames:
                self._context.transport.send(self._connection, frame)

    def complete(self, ticket: str, value: Any) -> None:
        """A call over the connection has ended; nothing happens if it had before."""
        found = self._open.pop(ticket, None)
        if found is not None:
            found[0](value)

    def _expire_at(self, at_ns: int) -> None:
        """One timer for all open calls: nearly every one is answered long before it is due."""
        self._expires_ns = at_ns
        self._context.timers.at(at_ns, partial(self._expire, at_ns))

    def _expire(self, at_ns: int) -> None:
        if at_ns != self._expires_ns:
            return  # there is an earlier one, which sees to the rest
        self._expires_ns = _NEVER_NS
        now_ns = self._context.now_ns()
        for ticket, (_, until_ns) in list(self._open.items()):
            if until_ns <= now_ns:
                self.complete(ticket, None)
        next_ns = min((until_ns for _, until_ns in self._open.values()), default=_NEVER_NS)
        if next_ns < self._expires_ns:
            self._expire_at(next_ns)


def _read(
    call: OverHttp[T], answered: Callable[[T | None], None], response: Response | None
) -> None:
    value = None
    try:
        if response is not None:
            value = call.read(response)
    except ProtocolError:
        pass  # the same as no answer
    answered(value)
