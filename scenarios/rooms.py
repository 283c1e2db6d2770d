"""Puts members into rooms over HTTP, before anybody sends there."""

from scenarios.adapters.base import Adapter, ProtocolError
from scenarios.plan import Conversation
from scenarios.ports import SocketPort
from scenarios.session import Session

_WITHIN_S = 20.0


async def fill_room(
    port: SocketPort, adapter: Adapter, conv: Conversation, sessions: dict[int, Session]
) -> bool:
    """Add every member, the creator first, and have each attend. False where one was refused."""
    creator = sessions[conv.members[0]]
    for number in conv.members:
        session = sessions[number]
        request = adapter.add_member(creator.access.token, conv.name, session.user.name)
        response = await port.ask(creator.access.gateway, request, _WITHIN_S)
        try:
            if response is None:
                return False
            session.join(conv, adapter.read_position(response))
        except ProtocolError:
            return False
    return True
