"""Puts members into rooms, before anybody sends there."""

from gauntlet.scenarios.adapters.base import ProtocolError
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.network.socket_io import SocketPort, ask
from gauntlet.scenarios.workloads.entities import Conversation, device_keys

_WITHIN_S = 20.0


async def fill_room(
    port: SocketPort, conv: Conversation, sessions: dict[int, Session], devices: int
) -> bool:
    """Add every member, the creator first, and have each attend. False where one was refused."""
    creator = sessions[conv.members[0]].access
    for number in conv.members:
        call = creator.codec.add_member(conv.name, sessions[number].user.name)
        try:
            position = await ask(port, creator, creator.gateway, call, _WITHIN_S)
        except ProtocolError:
            return False
        for device_key in device_keys((number,), devices):
            sessions[device_key].join(conv, position)
    return True
