"""A template for your own adapter: copy this file and adapt it to the protocol of your system.

docs/howto/your-own-system.md describes the steps; `tests/contract/adapters` tests the result.

The invented system of this template does everything over its WebSocket, in JSON:

    {"hello": {"user": "ann", "device": "d0"}}              → {"welcome": {"node": "chat-1"}}
    {"send": {"id": "m1", "to": "bob", "text": "hi"}}       → {"stored": {"id": "m1"}}
                                                            or {"refused": {"id": "m1"}}
                   {"message": {"id": "m1", "from": "ann", "to": "bob", "text": "hi"}}   (a push)
    {"ping": {}}                                            → {"pong": {}}
"""

import json
from collections.abc import Mapping

from gauntlet.scenarios.adapters import base


class Template(base.Adapter):
    """The system: its capabilities and its address."""

    # Declare only what the system guarantees, for example frozenset({base.HISTORY}). The report
    # states what could not be judged because it is not declared; if a declared capability does
    # not hold, the checks detect it.
    capabilities: frozenset[str] = frozenset()
    subprotocols = ("chat.v1",)

    def __init__(self, settings: base.Settings) -> None:
        # The scenario's `target.server`: any settings that your system needs.
        self._ping_ms = int(settings.get("ping_ms", 10_000))
        self._pong_ms = int(settings.get("pong_ms", 5_000))

    def url(self, url: str) -> str:
        return f"{url.rstrip('/')}/chat"

    def codec(self, account: base.Account, device: str) -> "Codec":
        # Its password, token and other fields come from the scenario's `accounts`.
        return Codec(account.name, device, self._ping_ms, self._pong_ms)


class Codec(base.Codec):
    """One session: it turns bytes into events and actions into frames. No sockets, no clocks."""

    def __init__(self, user: str, device: str, ping_ms: int, pong_ms: int) -> None:
        self._user = user
        self._device = device
        self._ping_ms = ping_ms
        self._pong_ms = pong_ms

    # If users log in over HTTP, override `login`, which returns the address to connect to.

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        return _frame("hello", user=self._user, device=self._device)

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverSocket[base.Sent]:
        # Direct conversations are called d.<user>.<user>, with the names in alphabetical order.
        first, second = conv.split(".")[1:]
        to = second if first == self._user else first
        # To send over HTTP instead, return base.OverHttp(base.Request(…), read_response).
        frame = _frame("send", id=client_msg_id, to=to, text=body)
        return base.OverSocket(ticket=client_msg_id, frames=(frame,))

    def ping(self) -> bytes:
        return _frame("ping")

    def read(self, frame: bytes) -> base.Event:
        try:
            ((name, content),) = json.loads(frame).items()
            return self._read(name, content)
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise base.ProtocolError(f"not a frame of this protocol: {error!r}") from error

    def _read(self, name: str, content: Mapping[str, str]) -> base.Event:
        match name:
            case "message":
                conv = ".".join(["d", *sorted((content["from"], content["to"]))])
                return base.Entry(
                    conv=conv,
                    seq=0,
                    sender=content["from"],
                    body=content["text"],
                    client_msg_id=content["id"],
                )
            case "stored":
                # Return this only for a frame with which the system takes responsibility.
                return base.Answer(ticket=content["id"], value=base.Sent(stored="yes"))
            case "refused":
                sent = base.Sent(stored="no", temporary=False)
                return base.Answer(ticket=content["id"], value=sent)
            case "welcome":
                return base.Connected(
                    edge=content["node"], ping_ms=self._ping_ms, pong_ms=self._pong_ms
                )
            case "pong":
                return base.Heartbeat()
        raise base.ProtocolError(f"the protocol has no frame {name!r}")


def _frame(name: str, **content: str) -> bytes:
    return json.dumps({name: content}).encode()
