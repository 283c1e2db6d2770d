"""Calls of an adapter that are awaited, so that whatever the adapter does costs one call."""

from collections.abc import Callable
from typing import TypeVar

from gauntlet.scenarios.adapters.base import Call, ProtocolError
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.network.transport import SocketTransport, call_and_wait

T = TypeVar("T")


async def answer_to(
    transport: SocketTransport,
    request_channel: RequestChannel,
    gateway: int,
    make: Callable[[], Call[T] | None],
    check: Callable[[T], None],
    timeout_s: float,
) -> T:
    """Return the value of the call that an adapter makes, when `check` has accepted it.

    ProtocolError: it is refused or not answered in time, there is nothing to call, or the adapter
    raised an exception. The exception is recorded, and costs this call instead of the load.
    """
    try:
        call = make()
        if call is None:
            raise ProtocolError("there is nothing to request")
        value = await call_and_wait(transport, request_channel, gateway, call, timeout_s)
        check(value)
    except ProtocolError:
        raise
    except Exception as error:
        request_channel.record_error(error)
        raise ProtocolError("the adapter raised an exception") from error
    return value
