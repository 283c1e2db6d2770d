"""A user's requests: the codec, the gateway and connection in use, and the open calls. Pure."""

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
    """Makes the calls of one user's session, over HTTP or over its connection.

    `connection_number` stays that of the last connection while there is none, so that records of
    this time still belong to the device.
    """

    __slots__ = (
        "_connection",
        "_context",
        "_expires_ns",
        "_open_calls",
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
        # The callback and the deadline of each call, by ticket.
        self._open_calls: dict[str, tuple[Callable[[Any], None], int]] = {}
        self._expires_ns = _NEVER_NS

    def switch_gateway(self, failed_gateway: int) -> None:
        """Use the next gateway after a failure, unless an earlier failure has led to it already."""
        if self.gateway == failed_gateway:
            self.gateway += 1

    @property
    def target_address(self) -> str:
        """The address of the target, for systems whose login returns no other."""
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

    def call(self, call: Call[T], timeout_ns: int, on_result: Callable[[T | None], None]) -> None:
        """Make a call; `on_result` is called once, with None after a refusal or a time-out."""
        if isinstance(call, OverHttp):
            on_response = partial(_read_response, call, on_result)
            self._context.transport.request(self.gateway, call.request, timeout_ns, on_response)
        else:
            self._call_over_socket(call, timeout_ns, on_result)

    def _call_over_socket(
        self, call: OverSocket[T], timeout_ns: int, on_result: Callable[[T | None], None]
    ) -> None:
        until_ns = self._context.now_ns() + timeout_ns
        self._open_calls[call.ticket] = (on_result, until_ns)
        if until_ns < self._expires_ns:
            self._set_expiry(until_ns)
        if self._connection is not None:
            for frame in call.frames:
                self._context.transport.send(self._connection, frame)

    def complete(self, ticket: str, value: Any) -> None:
        """End an open call over the connection; does nothing if it has ended before."""
        open_call = self._open_calls.pop(ticket, None)
        if open_call is not None:
            open_call[0](value)

    def _set_expiry(self, at_ns: int) -> None:
        """Set one timer for all open calls: nearly all of them are answered long before."""
        self._expires_ns = at_ns
        self._context.timers.at(at_ns, partial(self._expire, at_ns))

    def _expire(self, at_ns: int) -> None:
        if at_ns != self._expires_ns:
            return  # an earlier timer was set since, and handles all calls
        self._expires_ns = _NEVER_NS
        now_ns = self._context.now_ns()
        for ticket, (_, until_ns) in list(self._open_calls.items()):
            if until_ns <= now_ns:
                self.complete(ticket, None)
        next_ns = min((until_ns for _, until_ns in self._open_calls.values()), default=_NEVER_NS)
        if next_ns < self._expires_ns:
            self._set_expiry(next_ns)


def _read_response(
    call: OverHttp[T], on_result: Callable[[T | None], None], response: Response | None
) -> None:
    value = None
    try:
        if response is not None:
            value = call.read(response)
    except ProtocolError:
        pass  # a refusal counts as no answer
    on_result(value)
