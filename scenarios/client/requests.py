"""A user's requests: the codec, the gateway and connection in use, and the open calls. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, final

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.base import (
    Call,
    Codec,
    Immediate,
    OverHttp,
    OverSocket,
    ProtocolError,
    Response,
)
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.metrics import error_log
from gauntlet.scenarios.workloads.entities import User

_NEVER_NS = 1 << 63
T = TypeVar("T")


@final
class OpenCall:
    """A call over the connection that has not been answered; `link` is the connection's number.

    `link` is 0 if there was no connection: then the codec keeps the call for the next one.
    """

    __slots__ = ("check", "link", "on_result", "until_ns")

    def __init__(
        self,
        on_result: Callable[[Any], None],
        until_ns: int,
        link: int,
        check: Callable[[Any], None] | None,
    ) -> None:
        self.on_result = on_result
        self.until_ns = until_ns
        self.link = link
        self.check = check


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
        adapter: Any = context.adapter
        codec = adapter.codec(user.account, user.device)
        if not isinstance(codec, Codec):  # compiled code calls no other class
            name = f"{type(adapter).__name__}.codec"
            raise ConfigError(f"{name} returns a {type(codec).__name__}, which is no base.Codec")
        self.codec = codec
        self.gateway = gateway
        self.connection_number = 0
        self._context = context
        self._connection: Connection | None = None
        self._open_calls: dict[str, OpenCall] = {}  # by ticket
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
        counters = self._context.counters
        counters.connections += (connection is not None) - (self._connection is not None)
        self._connection = connection
        if connection is not None:
            self.connection_number = connection.number

    def ask(self, function: Callable[..., T], *arguments: object) -> T | None:
        """Return what a method of the codec returns; None if it raises, which is recorded."""
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            self.record_error(error)
            return None

    def record_error(self, error: Exception) -> None:
        """Record a ProtocolError with its text, and any other exception with its place.

        A RecursionError is nearly always the server's doing: its JSON is nested without end.
        """
        if isinstance(error, RecursionError):
            self._context.errors.record(error_log.PROTOCOL, error_log.describe_exception(error))
        elif isinstance(error, ProtocolError):
            self._context.errors.record(error_log.PROTOCOL, str(error))
        else:
            text = error_log.describe_exception(error)
            self._context.errors.record(error_log.ADAPTER, text)

    def call(
        self,
        call: Call[T],
        timeout_ns: int,
        on_result: Callable[[T | None], None],
        check: Callable[[T], None] | None = None,
    ) -> None:
        """Make a call; `on_result` is called once, with None after a refusal or a time-out.

        A value for which `check` raises ProtocolError counts as no answer.
        """
        if isinstance(call, OverHttp):
            on_response = partial(self._read_response, call, on_result, check)
            self._context.transport.request(self.gateway, call.request, timeout_ns, on_response)
        elif isinstance(call, Immediate):
            self._send_unanswered(call, on_result)
        else:
            self._call_over_socket(call, timeout_ns, on_result, check)

    def _send_unanswered(self, call: Immediate[T], on_result: Callable[[T | None], None]) -> None:
        """Send the frames; without a connection nothing was sent, and there is no outcome."""
        value = call.value if self._connection is not None or not call.frames else None
        if self._connection is not None:
            for frame in call.frames:
                self._context.transport.send(self._connection, frame)
        # Later, because the caller may make the next call from `on_result`, and so on.
        self._context.after(0, partial(on_result, value))

    def _call_over_socket(
        self,
        call: OverSocket[T],
        timeout_ns: int,
        on_result: Callable[[T | None], None],
        check: Callable[[T], None] | None,
    ) -> None:
        until_ns = self._context.now_ns() + timeout_ns
        link = 0 if self._connection is None else self._connection.number
        self._open_calls[call.ticket] = OpenCall(on_result, until_ns, link, check)
        if until_ns < self._expires_ns:
            self._set_expiry(until_ns)
        if self._connection is not None:
            for frame in call.frames:
                self._context.transport.send(self._connection, frame)

    def complete(self, ticket: str, value: Any) -> None:
        """End an open call over the connection; does nothing if it has ended before."""
        open_call = self._open_calls.pop(ticket, None)
        if open_call is None:
            return
        if value is not None and open_call.check is not None:
            value = self._checked(value, open_call.check)
        open_call.on_result(value)

    def give_up_calls_of_other_connections(self) -> None:
        """End the calls of connections that have ended: no answer to them can arrive any more.

        Calls that were made without a connection stay open, because the codec has kept them.
        """
        current = 0 if self._connection is None else self._connection.number
        lost = [t for t, call in self._open_calls.items() if call.link not in (0, current)]
        for ticket in lost:
            self.complete(ticket, None)

    def _set_expiry(self, at_ns: int) -> None:
        """Set one timer for all open calls: nearly all of them are answered long before."""
        self._expires_ns = at_ns
        self._context.timers.at(at_ns, partial(self._expire, at_ns))

    def _expire(self, at_ns: int) -> None:
        if at_ns != self._expires_ns:
            return  # an earlier timer was set since, and handles all calls
        self._expires_ns = _NEVER_NS
        now_ns = self._context.now_ns()
        for ticket, call in list(self._open_calls.items()):
            if call.until_ns <= now_ns:
                self.complete(ticket, None)
        next_ns = min((call.until_ns for call in self._open_calls.values()), default=_NEVER_NS)
        if next_ns < self._expires_ns:
            self._set_expiry(next_ns)

    def _read_response(
        self,
        call: OverHttp[T],
        on_result: Callable[[T | None], None],
        check: Callable[[T], None] | None,
        response: Response | None,
    ) -> None:
        value = None
        if response is not None:
            try:
                value = call.read(response)
                if check is not None and value is not None:
                    check(value)
            except Exception as error:  # noqa: BLE001 - the adapter may raise anything
                value = None  # a refusal counts as no answer
                if response.status < 300:  # any other status was recorded already
                    self.record_error(error)
        on_result(value)

    def _checked(self, value: T, check: Callable[[T], None]) -> T | None:
        try:
            check(value)
        except Exception as error:  # noqa: BLE001 - the adapter may have answered with anything
            self.record_error(error)
            return None
        return value
