"""The parts of foreign systems that their adapters use, simulated in bytes and without sockets."""

import json


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
