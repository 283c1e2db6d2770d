"""A template: copy this file, name it in `scenarios/adapters/__init__.py`, and make it yours.

docs/howto/your-own-system.md goes with it, and `tests/contract/adapters` tells when you are done.

The made-up system spoken here does everything over its WebSocket, in JSON:

    {"hello": {"user": "ann", "device": "d0"}}              → {"welcome": {"node": "chat-1"}}
    {"send": {"id": "m1", "to": "bob", "text": "hi"}}       → {"stored": {"id": "m1"}}
                                                            or {"refused": {"id": "m1"}}
                   {"message": {"id": "m1", "from": "ann", "to": "bob", "text": "hi"}}   (a push)
    {"ping": {}}                                            → {"pong": {}}
"""

import json
from collections.abc import Mapping

from gauntlet.scenarios.adapters import base


class Template:
    """The system: what it has, and where it is."""

    # Of `core.scenario.capabilities`, only what the system promises. What is not named here is
    # not judged, and the report says so; what is named and does not hold is found out.
    capabilities: frozenset[str] = frozenset()
    subprotocol = "chat.v1"

    def __init__(self, settings: base.Settings) -> None:
        # `target.server` of the scenario: whatever your system needs to be told.
        self._ping_ms = int(settings.get("ping_ms", 10_000))
        self._pong_ms = int(settings.get("pong_ms", 5_000))

    def websocket_url(self, url: str) -> str:
        return f"{url.rstrip('/')}/chat"

    def codec(self, user: str, device: str) -> "Codec":
        return Codec(user, device, self._ping_ms, self._pong_ms)


class Codec(base.Codec):
    """One session: bytes in, events out; intentions in, frames out. No sockets and no clocks."""

    def __init__(self, user: str, device: str, ping_ms: int, pong_ms: int) -> None:
        self._user = user
        self._device = device
        self._ping_ms = ping_ms
        self._pong_ms = pong_ms

    # A system with a login by HTTP overrides `login`, which gives the address to connect to.

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        return _frame("hello", user=self._user, device=self._device)

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverSocket[base.Sent]:
        # Direct conversations are called d.<user>.<user>, in the order of the names.
        first, second = conv.split(".")[1:]
        to = second if first == self._user else first
        # Sent by HTTP instead? Return base.OverHttp(base.Request(…), read_its_answer).
        return base.OverSocket(client_msg_id, (_frame("send", id=client_msg_id, to=to, text=body),))

    def ping(self) -> bytes:
        return _frame("ping")

    def read(self, frame: bytes) -> base.Event:
        try:
            ((name, said),) = json.loads(frame).items()
            return self._read(name, said)
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise base.ProtocolError(f"not a frame of this protocol: {error!r}") from error

    def _read(self, name: str, said: Mapping[str, str]) -> base.Event:
        match name:
            case "message":
                conv = ".".join(["d", *sorted((said["from"], said["to"]))])
                return base.Entry(conv, 0, said["from"], said["text"], said["id"])
            case "stored":
                # Answer this only to what the system says when it has taken responsibility.
                return base.Answer(said["id"], base.Sent("yes"))
            case "refused":
                return base.Answer(said["id"], base.Sent("no", temporary=False))
            case "welcome":
                return base.Connected(said["node"], "", self._ping_ms, self._pong_ms, {})
            case "pong":
                return base.Heartbeat({})
        raise base.ProtocolError(f"a frame {name!r} is not of this protocol")


def _frame(name: str, **said: str) -> bytes:
    return json.dumps({name: said}).encode()
