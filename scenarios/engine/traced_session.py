"""A session that shows what it exchanges with the server, for authors of adapters. Pure.

Only the first users of a load are traced. All others have plain sessions, so that a trace costs
nothing per frame where there is none.
"""

import dataclasses
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from gauntlet.scenarios.adapters.base import (
    Account,
    Binary,
    Event,
    EventBatch,
    Request,
    Response,
)
from gauntlet.scenarios.client.connection import Connection, Dial
from gauntlet.scenarios.client.context import Context, Transport
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.workloads.entities import User


class Trace(Protocol):
    """Accepts rows (`gauntlet.scenarios.recording.trace_writer.TraceWriter`)."""

    def hide(self, account: Account) -> None:
        """Keep the secrets of an account out of all rows."""

    def add(self, what: str, **fields: Any) -> None:
        """Append one row; bytes are frames or bodies."""


class TracedSession(Session):
    """A session whose frames, events, requests and connections are written to a trace."""

    def __init__(
        self,
        trace: Trace,
        context: Context,
        user: User,
        rng: Random,
        receiver: Callable[[Context, User, RequestChannel], Receiver] = Receiver,
    ) -> None:
        trace.hide(user.account)
        self._trace = trace
        self._transport = _TracedTransport(trace, context.transport, user)
        super().__init__(
            dataclasses.replace(context, transport=self._transport), user, rng, receiver
        )

    def on_open(self, connection: Connection, response: Response) -> None:
        self._add("open", connection, status=response.status, headers=response.headers)
        super().on_open(connection, response)

    def on_frame(self, connection: Connection, frame: bytes) -> None:
        self._add("received", connection, frame=frame, binary=isinstance(frame, Binary))
        super().on_frame(connection, frame)

    def on_response(self, connection: Connection, response: Response) -> None:
        self._add("received", connection, status=response.status, frame=response.body)
        super().on_response(connection, response)

    def on_closed(self, connection: Connection, code: int) -> None:
        self._add("closed", connection, code=code)
        super().on_closed(connection, code)

    def _on_event(self, connection: Connection, event: Event) -> None:
        if not isinstance(event, EventBatch):  # its events are shown one by one
            self._add("event", connection, event=repr(event))
        super()._on_event(connection, event)

    def _add(self, what: str, connection: Connection, **fields: Any) -> None:
        number = self._transport.number(connection)
        self._trace.add(what, user=self.user.name, connection=number, **fields)


class _TracedTransport:
    """The transport of one traced session; numbers the user's connections from 1."""

    def __init__(self, trace: Trace, transport: Transport, user: User) -> None:
        self._trace = trace
        self._transport = transport
        self._user = user.name
        self._dials = 0
        self._numbers: dict[Connection, int] = {}

    def number(self, connection: Connection) -> int:
        """Return the number of a connection."""
        return self._numbers.get(connection, 0)

    def request(
        self,
        gateway: int,
        request: Request,
        timeout_ns: int,
        on_response: Callable[[Response | None], None],
    ) -> None:
        """Send a request; see `Transport`."""
        call = f"{request.method} {request.path}"
        if request.token:
            self._trace.hide(Account(name="", token=request.token))
        self._trace.add(
            "request", user=self._user, call=call, headers=request.headers, frame=request.body
        )

        def traced(response: Response | None) -> None:
            if response is None:
                self._trace.add("response", user=self._user, call=call, status=None)
            else:
                status, body = response.status, response.body
                self._trace.add("response", user=self._user, call=call, status=status, frame=body)
            on_response(response)

        self._transport.request(gateway, request, timeout_ns, traced)

    def dial(self, connection: Connection, dial: Dial) -> None:
        """Open a connection; see `Transport`."""
        self._dials += 1
        if len(self._numbers) > 1:  # only the latest two can be open
            del self._numbers[next(iter(self._numbers))]
        self._numbers[connection] = self._dials
        self._trace.add(
            "dial", user=self._user, connection=self._dials, url=dial.url, headers=dial.headers
        )
        self._transport.dial(connection, dial)

    def start_tls(self, connection: Connection, on_done: Callable[[], None]) -> None:
        """Begin TLS; see `Transport`."""
        self._trace.add("start-tls", user=self._user, connection=self.number(connection))
        self._transport.start_tls(connection, on_done)

    def send(self, connection: Connection, frame: bytes) -> None:
        """Send a frame; see `Transport`."""
        number, binary = self.number(connection), isinstance(frame, Binary)
        self._trace.add("sent", user=self._user, connection=number, frame=frame, binary=binary)
        self._transport.send(connection, frame)

    def read(self, connection: Connection, *, on: bool) -> None:
        """Pause or resume reading; see `Transport`."""
        self._transport.read(connection, on=on)

    def close(self, connection: Connection, *, abort: bool = False) -> None:
        """Close a connection; see `Transport`."""
        what = "drop" if abort else "close"
        self._trace.add(what, user=self._user, connection=self.number(connection))
        self._transport.close(connection, abort=abort)
