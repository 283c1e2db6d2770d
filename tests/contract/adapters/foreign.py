"""The parts of foreign systems that their adapters use, simulated in bytes and without sockets."""

import json
from urllib.parse import unquote, urlsplit

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Account


class CentrifugoServer:
    """Simulates Centrifugo, with one epoch."""

    def __init__(self, conv):
        self.conv = conv

    def handshake(self, codec, resumed):
        (connect,) = codec.open({}).splitlines()
        reply = {"client": "c", "version": "6", "ping": 25, "pong": True, "node": "n1"}
        event = codec.read(self._reply(connect, "connect", reply))
        yield event
        for subscribe in event.frames:
            asked = json.loads(subscribe)["subscribe"]
            assert asked.get("recover", False) == resumed
            found = {"epoch": "e", "offset": asked.get("offset", 0), "recovered": resumed}
            yield codec.read(self._reply(subscribe, "subscribe", found))

    def push(self, body):
        pushed = {"channel": self.conv, "pub": self._publication(body)}
        return json.dumps({"push": pushed}).encode()

    def replies(self, frame, stored):
        if "publish" in json.loads(frame):
            yield self._reply(frame, "publish", {})
        else:
            rows = [self._publication(body) for body in stored]
            found = {"publications": rows, "epoch": "e", "offset": len(rows)}
            yield self._reply(frame, "history", found)

    @staticmethod
    def _publication(body):
        return {"data": {"id": "c1", "from": "bob", "body": body}, "offset": 1}

    @staticmethod
    def _reply(command, name, content):
        return json.dumps({"id": json.loads(command)["id"], name: content}).encode()


class SocketioServer:
    """Simulates the server of `gauntlet/stacks/socketio_server`, with connection state recovery."""

    def __init__(self, conv):
        self.conv = conv

    def handshake(self, codec, resumed):
        assert codec.open({}) == b""
        event = codec.read(b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
        yield event
        auth = json.loads(event.frames[0].removeprefix(b"40"))
        assert (auth.get("pid"), auth.get("offset")) == (("p", "o1") if resumed else (None, None))
        yield codec.read(b'40{"sid":"s","pid":"p"}')
        if not resumed:
            yield codec.read(b'42["subscribed",1,"o1"]')

    def push(self, body):
        message = {"conv": self.conv, "id": "c1", "from": "bob", "body": body}
        return b"42" + json.dumps(["message", message]).encode()

    def replies(self, frame, stored):
        number, bracket, content = frame.removeprefix(b"42").partition(b"[")
        _, sent = json.loads(bracket + content)
        yield b"43" + number + json.dumps([{"stored": sent["id"]}]).encode()


class MatrixServer:
    """Simulates a homeserver with one room, which knows no user before they register."""

    ROOM = "!room:localhost"

    def __init__(self, conv):
        self.conv = conv
        self.users = set()
        self.requests = []  # the names of all requests, in order

    def prepare(self, adapter):
        accounts = [Account(name=name) for name in ("ann", "bob")]
        preparation = adapter.prepare(accounts, {self.conv: ("ann", "bob")})
        requests = next(preparation)
        try:
            while True:
                requests = preparation.send([self.respond(request) for request in requests])
        except StopIteration:
            return

    def handshake(self, codec, resumed):
        assert codec.open({}) == b""
        events = ()
        while not events:
            event = codec.read_response(self.respond(codec.receive_request({})))
            yield event
            events = event.events

    def push(self, body):
        joined = {self.ROOM: {"timeline": {"events": [self._event(body)], "limited": False}}}
        return answered({"next_batch": "s2", "rooms": {"join": joined}})

    def answer(self, codec, call, stored):
        assert isinstance(call, base.OverHttp)
        return call.read(self.respond(call.request, stored))

    def respond(self, request, stored=()):
        path = unquote(urlsplit(request.path).path).removeprefix("/_matrix/client/v3/")
        name, *rest = path.split("/")
        if name == "rooms":
            name = rest[1]
        self.requests.append(name)
        sent = json.loads(request.body or b"{}")
        if name == "register":
            self.users.add(sent["username"])
        elif name == "login" and sent["identifier"]["user"] not in self.users:
            return answered({"errcode": "M_FORBIDDEN"}, 403)
        elif name != "login":
            assert request.token == "t", request
        content = {
            "register": {"user_id": "@ann:localhost"},
            "login": {"access_token": "t"},
            "createRoom": {"room_id": self.ROOM},
            "join": {"room_id": self.ROOM},
            "sync": {"next_batch": "s1"},
            "send": {"event_id": "$9"},
            "messages": {"chunk": [self._event(body) for body in stored]},
        }[name]
        return answered(content)

    @staticmethod
    def _event(body):
        content = {"msgtype": "m.text", "body": body, "gauntlet_id": "c1"}
        sender, kind = "@bob:localhost", "m.room.message"
        return {"type": kind, "sender": sender, "event_id": "$1", "content": content}


def answered(content, status=200):
    """Return an HTTP response."""
    return base.Response(status, json.dumps(content).encode())
