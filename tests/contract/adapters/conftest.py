"""Every adapter with a counterpart that simulates its server, in bytes and without sockets."""

import json
from functools import partial
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import mqtt5
import pytest

from gauntlet.scenarios.adapters import ADAPTERS, base
from gauntlet.scenarios.adapters._template import Template
from gauntlet.scenarios.adapters.base import Account, Binary

from ...scenarios.adapters.events import flat
from . import foreign

CONV = "d.ann.bob"


class ReferenceServer:
    """Simulates a server of `im.v1`."""

    opening = ()

    def connected(self, resumed=False):
        greeting = {"client": "edge-blue-1|1", "ping_ms": 9, "pong_ms": 9, "heads": {}}
        return [json.dumps({"connected": greeting}).encode()]

    def push(self, body):
        message = {
            "conv": CONV, "seq": 1, "msg_id": "m", "client_msg_id": "c1",
            "sender": "bob", "body": body, "ts": 0,
        }  # fmt: skip
        return json.dumps({"msg": message}).encode()

    def answer(self, codec, call, stored):
        assert isinstance(call, base.OverHttp)
        if "/sessions" in call.request.path:
            body = {"token": "t", "connect": {"url": "ws://127.0.0.1:1"}}
        elif call.request.method == "POST":
            body = {"seq": 1}
        else:
            rows = [
                {
                    "type": "msg",
                    "seq": 1,
                    "msg_id": "m",
                    "client_msg_id": "c1",
                    "sender": "bob",
                    "body": text,
                }
                for text in stored
            ]
            body = {"messages": rows, "head": len(rows)}
        return call.read(base.Response(200, json.dumps(body).encode()))


class SocketServer:
    """Common part of the servers that answer with frames."""

    def answer(self, codec, call, stored):
        assert isinstance(call, base.OverSocket)
        frames = [reply for frame in call.frames for reply in self.replies(frame, stored)]
        events = [event for frame in frames for event in flat(codec.read(frame))]
        answers = [event for event in events if isinstance(event, base.Answer)]
        assert [answer.ticket for answer in answers] == [call.ticket]
        return answers[0].value


class XmppServer(SocketServer):
    """Simulates the part of XMPP that the adapter uses."""

    def __init__(self):
        self.handled = 0

    def connected(self, resumed=False):
        mechanisms = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
        frames = [
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
            features(mechanisms),
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            features("<sm xmlns='urn:xmpp:sm:3'/>"),
        ]
        if resumed:
            frames.append(f"<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='{self.handled}'/>")
        else:
            self.handled = 1  # the presence
            frames += [
                "<iq xmlns='jabber:client' type='result' id='bind'/>",
                "<enabled xmlns='urn:xmpp:sm:3' id='s1' resume='true'/>",
            ]
        return [frame.encode() for frame in frames]

    def push(self, body):
        stanza_id = "<stanza-id xmlns='urn:xmpp:sid:0' by='ann@localhost' id='a1'/>"
        return _message(body, stanza_id).encode()

    def replies(self, frame, stored):
        element = ET.fromstring(frame)
        if element.tag.startswith("{jabber:client}"):
            self.handled += 1
        if element.tag.endswith("}r"):
            yield f"<a xmlns='urn:xmpp:sm:3' h='{self.handled}'/>".encode()
        if element.tag.endswith("}iq"):
            ident = element.get("id")
            for body in stored:
                yield (
                    f"<message xmlns='jabber:client'><result xmlns='urn:xmpp:mam:2' "
                    f"queryid='{ident}' id='a1'><forwarded xmlns='urn:xmpp:forward:0'>"
                    f"{_message(body)}</forwarded></result></message>"
                ).encode()
            fin = "<fin xmlns='urn:xmpp:mam:2' complete='true'/>"
            yield f"<iq xmlns='jabber:client' type='result' id='{ident}'>{fin}</iq>".encode()


class TemplateServer(SocketServer):
    """Simulates the invented system of the template."""

    def connected(self, resumed=False):
        return [b'{"welcome": {"node": "chat-1"}}']

    def push(self, body):
        message = {"id": "c1", "from": "bob", "to": "ann", "text": body}
        return json.dumps({"message": message}).encode()

    def replies(self, frame, stored):
        yield json.dumps({"stored": {"id": json.loads(frame)["send"]["id"]}}).encode()


class MqttServer(SocketServer):
    """Simulates a broker of MQTT 5."""

    def connected(self, resumed=False):
        return [Binary(mqtt5.ConnAckPacket(session_present=resumed).write())]

    def push(self, body):
        packet = mqtt5.PublishPacket(
            f"gauntlet/{CONV}",
            body.encode(),
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            packet_id=1,
            user_properties=[("sender", "bob"), ("id", "c1")],
        )
        return Binary(packet.write())

    def replies(self, frame, stored):
        packet, _ = mqtt5.read(memoryview(frame))
        yield Binary(mqtt5.PubAckPacket(packet.packet_id).write())


class NatsServer(SocketServer):
    """Simulates the part of JetStream that the adapter uses."""

    codec = None  # knows the subjects of the answers
    headers = "Gauntlet-Sender: bob\r\nNats-Msg-Id: c1\r\n"

    def connected(self, resumed=False):
        inbox = getattr(self.codec, "_inbox", "_INBOX.x")
        stream = {"created": "t1", "state": {"last_seq": 0}}
        outcome = "resumed" if resumed else "new"
        frames = ['INFO {"server_name": "n1"}\r\n', "PONG\r\n"]
        frames += [
            _nats_message(f"{inbox}.stream", json.dumps(stream)),
            _nats_message(f"{inbox}.c.{outcome}", "{}"),
        ]
        return [Binary(frame.encode()) for frame in frames]

    def push(self, body):
        reply = f"$JS.ACK.GAUNTLET.{self.codec._consumer}.1.1.1.0.0"
        message = _nats_message("gauntlet.d%2Eann%2Ebob", body, reply, self.headers)
        return Binary(message.encode())

    def replies(self, frame, stored):
        _, subject, reply, *_ = frame.decode().split(" ")
        if subject.startswith("gauntlet."):
            yield Binary(_nats_message(reply, '{"stream": "GAUNTLET", "seq": 1}').encode())
            return
        subject = "Nats-Subject: gauntlet.d%2Eann%2Ebob\r\n"
        for number, body in enumerate(stored, 1):
            headers = f"{self.headers}{subject}Nats-Sequence: {number}\r\n"
            yield Binary(_nats_message(reply, body, "", headers).encode())
        end = "Nats-Num-Pending: 0\r\n"
        yield Binary(_nats_message(reply, "", "", end, " 204 EOB").encode())


def _nats_message(subject, body, reply="", headers="", status=""):
    words = f"{subject} 1 {reply}".rstrip()
    size = len(body.encode())
    if not headers:
        return f"MSG {words} {size}\r\n{body}\r\n"
    block = f"NATS/1.0{status}\r\n{headers}\r\n"
    return f"HMSG {words} {len(block)} {len(block) + size}\r\n{block}{body}\r\n"


def features(content):
    """Return the features of a stream."""
    xmlns = "xmlns:stream='http://etherx.jabber.org/streams'"
    return f"<stream:features {xmlns}>{content}</stream:features>"


def _message(body, children=""):
    return (
        "<message xmlns='jabber:client' type='chat' from='bob@localhost/d0' to='ann@localhost' "
        f"id='c1'><body>{escape(body)}</body>{children}</message>"
    )


class CentrifugoServer(foreign.CentrifugoServer, SocketServer):
    """Simulates Centrifugo."""


class SocketioServer(foreign.SocketioServer, SocketServer):
    """Simulates a Socket.IO server."""


SERVERS = {
    "centrifugo": partial(CentrifugoServer, CONV),
    "socketio": partial(SocketioServer, CONV),
    "matrix": partial(foreign.MatrixServer, CONV),
    "reference": ReferenceServer,
    "xmpp": XmppServer,
    "mqtt": MqttServer,
    "nats": NatsServer,
    "template": TemplateServer,
}


@pytest.fixture(params=[*ADAPTERS, "template"])
def adapter(request):
    """Each adapter; one without a counterpart here fails and is not skipped."""
    adapter = {**ADAPTERS, "template": Template}[request.param]({})
    adapter.server = SERVERS[request.param]
    return adapter


@pytest.fixture
def server(adapter):
    """The counterpart of the adapter."""
    return adapter.server()


@pytest.fixture
def codec(adapter, server):
    """Ann's session."""
    if hasattr(server, "prepare"):
        server.prepare(adapter)
    server.codec = adapter.codec(Account(name="ann"), "d0")
    return server.codec


@pytest.fixture
def connect(codec, server):
    """Establish a connection and return the events of the handshake."""
    return partial(establish, codec, server)


def establish(codec, server, resumed=False):
    """Establish a connection of a codec and return the events of the handshake."""
    login = codec.login()
    if login is not None:
        assert server.answer(codec, login, ()).startswith("ws")
    if hasattr(server, "handshake"):
        codec.set_conversations({CONV: ("ann", "bob")})
        events = server.handshake(codec, resumed)
    else:
        assert isinstance(codec.open({}), bytes)  # empty where the server speaks first
        events = (codec.read(frame) for frame in server.connected(resumed))
    return [single for event in events for single in flat(event)]


def receive(codec, pushed):
    """Return the event that a pushed frame is, or the response to the next poll."""
    if isinstance(pushed, base.Response):
        assert codec.receive_request({})
        return codec.read_response(pushed)
    return codec.read(pushed)
