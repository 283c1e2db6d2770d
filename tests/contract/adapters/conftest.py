"""Every adapter with a counterpart that simulates its server, in bytes and without sockets."""

import json
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest

from gauntlet.scenarios.adapters import ADAPTERS, base
from gauntlet.scenarios.adapters._template import Template
from gauntlet.scenarios.adapters.base import Account

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
                {"type": "msg", "seq": 1, "sender": "bob", "body": text, "client_msg_id": "c1"}
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


def features(content):
    """Return the features of a stream."""
    xmlns = "xmlns:stream='http://etherx.jabber.org/streams'"
    return f"<stream:features {xmlns}>{content}</stream:features>"


def _message(body, children=""):
    return (
        "<message xmlns='jabber:client' type='chat' from='bob@localhost/d0' to='ann@localhost' "
        f"id='c1'><body>{escape(body)}</body>{children}</message>"
    )


def flat(event):
    """Return the single events of an event, in order."""
    if isinstance(event, base.EventBatch):
        return [single for inner in event.events for single in flat(inner)]
    return [event]


SERVERS = {"reference": ReferenceServer, "xmpp": XmppServer, "template": TemplateServer}


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
def codec(adapter):
    """Ann's session."""
    return adapter.codec(Account(name="ann"), "d0")


@pytest.fixture
def connect(codec, server):
    """Establish a connection and return the events of the handshake."""

    def connect_codec(resumed=False):
        login = codec.login()
        if login is not None:
            assert server.answer(codec, login, ()).startswith("ws")
        assert codec.open({})
        frames = server.connected(resumed)
        return [event for frame in frames for event in flat(codec.read(frame))]

    return connect_codec
