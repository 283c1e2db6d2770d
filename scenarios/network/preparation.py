"""Carries out what an adapter prepares before its users connect (`Adapter.prepare`)."""

import asyncio

from gauntlet.core.errors import StackError
from gauntlet.scenarios.adapters.base import Preparation, ProtocolError, Request, Response
from gauntlet.scenarios.network.transport import SocketTransport

_AT_ONCE = 8
_WITHIN_S = 120.0  # of one request, with its repetitions


async def carry_out(preparation: Preparation, transport: SocketTransport) -> None:
    """Make the requests of a preparation; StackError if one is refused or not answered."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def answer(number: int, request: Request) -> Response:
        async with slots:
            response = await transport.request_until_answered(number, request, _WITHIN_S)
        if response is None:
            path = request.path.partition("?")[0]
            raise ProtocolError(f"no answer to {request.method} {path} in {_WITHIN_S:.0f} s")
        return response

    try:
        requests = next(preparation)
        while True:
            calls = [answer(number, request) for number, request in enumerate(requests)]
            requests = preparation.send(await asyncio.gather(*calls))
    except StopIteration:
        return
    except ProtocolError as error:
        raise StackError(f"the users could not be prepared: {error}") from error
