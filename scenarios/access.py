"""How a user reaches the service now: codec, gateway, connection, and his open calls. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from scenarios.adapters.base import Call, OverHttp, OverSocket, ProtocolError, Response
from scenarios.context import Context
from scenarios.link import Link
from scenarios.plan import User

T = TypeVar("T")


class Access:
    """One user's way in and out.

    While there is no connection `link_number` stays the last one's: what he does meanwhile, and
    what arrives for him over HTTP, is still recorded as his.
    """

    __slots__ = ("_context", "_link", "_open", "codec", "gateway", "link_number")

    def __init__(self, context: Context, user: User, gateway: int) -> None:
        self.codec = context.adapter.codec(user.name, user.device)
        self.gateway = gateway
        self.link_number = 0
        self._context = context
        self._link: Link | None = None
        self._open: dict[str, Callable[[Any], None]] = {}  # by ticket

    def avoid(self, gateway: int) -> None:
        """Go elsewhere after a failure there; many failures at one gateway are one move."""
        if self.gateway == gateway:
            self.gateway += 1

    @property
    def address(self) -> str:
        """The target's own address, for systems that tell of no other."""
        return self._context.api[self.gateway % len(self._context.api)]

    @property
    def link(self) -> Link | None:
        """The current connection."""
        return self._link

    @link.setter
    def link(self, link: Link | None) -> None:
        self._link = link
        if link is not None:
            self.link_number = link.number

    def call(self, call: Call[T], timeout_ns: int, answered: Callable[[T | None], None]) -> None:
        """Make a call; `answered` is called once, with None if refused, or not answered in time."""
        if isinstance(call, OverHttp):
            read = partial(_read, call, answered)
            self._context.port.request(self.gateway, call.request, timeout_ns, read)
        else:
            self._say(call, timeout_ns, answered)

    def _say(
        self, call: OverSocket[T], timeout_ns: int, answered: Callable[[T | None], None]
    ) -> None:
        self._open[call.ticket] = answered
        self._context.after(timeout_ns, partial(self.answer, call.ticket, None))
        if self._link is not None:
            for frame in call.frames:
                self._context.port.send(self._link, frame)

    def answer(self, ticket: str, value: Any) -> None:
        """A call over the connection has ended; nothing happens if it had before."""
        answered = self._open.pop(ticket, None)
        if answered is not None:
            answered(value)


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
