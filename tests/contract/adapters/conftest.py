"""Every adapter with a counterpart that plays its server, byte by byte and without sockets."""

import json
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest

from gauntlet.scenarios.adapters import ADAPTERS, base
from gauntlet.scenarios.adapters._template import Template

CONV = "d.ann.bob"


class ReferenceServer:
    """Plays `im.v1`."""

    opening = ()

    def connected(self, resumed=False):
        greeting = {"client": "edge-blue-1|1", "ping_ms": 9, "pong_ms": 9, "heads": {}}
        return [json.dumps({"connected": greeting}).encode()]

    def push(self, body):
        said = {
            "conv": CONV, "seq": 1, "msg_id": "m", "client_msg_id": "c1",
            "sender": "bob", "body": body, "ts": 0,
        }  # fmt: skip
        return json.dumps({"msg": said}).encode()

    def answer(self, codec, call, stored):
        assert isinstance(call, base.OverHttp)
        if "/sessions" in call.request.path:
            body = {"token": "t", "connect": {"url": "ws://127.0.0.1:1"}}
        elif call.request.method == "POST":
            body = {"seq": 1}
        else:
            rows = [
                {"type": "msg", "seq": 1, "sender": "bob", "body": one, "client_msg_id": "c1"}
                for one in stored
            ]
            body = {"messages": rows, "head": len(rows)}
        return call.read(base.Response(200, json.dumps(body).encode()))


class SocketServer:
    """What servers share whose answers come as frames."""

    def answer(self, codec, call, stored):
        assert isinstance(call, base.OverSocket)
        frames = [reply for frame in call.frames for reply in self.replies(frame, stored)]
        events = [event for frame in frames for event in flat(codec.read(frame))]
        answers = [event for event in events if isinstance(event, base.Answer)]
        assert [answer.ticket for answer in answers] == [call.ticket]
        return answers[0].value


class XmppServer(SocketServer):
    """Plays as much XMPP as the adapter speaks."""

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
        own = "<stanza-id xmlns='urn:xmpp:sid:0' by='ann@localhost' id='a1'/>"
        return _message(body, own).encode()

    def replies(self, frame, stored):
        said = ET.fromstring(frame)
        if said.tag.startswith("{jabber:client}"):
            self.handled += 1
        if said.tag.endswith("}r"):
            yield f"<a xmlns='urn:xmpp:sm:3' h='{self.handled}'/>".encode()
        if said.tag.endswith("}iq"):
            ident = said.get("id")
            for body in stored:
                yield (
                    f"<message xmlns='jabber:client'><result xmlns='urn:xmpp:mam:2' "
                    f"queryid='{ident}' id='a1'><forwarded xmlns='urn:xmpp:forward:0'>"
                    f"{_message(body)}</forwarded></result></message>"
                ).encode()
            fin = "<fin xmlns='urn:xmpp:mam:2' complete='true'/>"
            yield f"<iq xmlns='jabber:client' type='result' id='{ident}'>{fin}</iq>".encode()


class TemplateServer(SocketServer):
    """Plays the made-up system of the template."""

    def connected(self, resumed=False):
        return [b'{"welcome": {"node": "chat-1"}}']

    def push(self, body):
        said = {"id": "c1", "from": "bob", "to": "ann", "text": body}
        return json.dumps({"message": said}).encode()

    def replies(self, frame, stored):
        yield json.dumps({"stored": {"id": json.loads(frame)["send"]["id"]}}).encode()


def features(content):
    """What a stream offers."""
    xmlns = "xmlns:stream='http://etherx.jabber.org/streams'"
    return f"<stream:features {xmlns}>{content}</stream:features>"


def _message(body, more=""):
    return (
        "<message xmlns='jabber:client' type='chat' from='bob@localhost/d0' to='ann@localhost' "
        f"id='c1'><body>{escape(body)}</body>{more}</message>"
    )


def flat(event):
    """The single events of what a frame says, in order."""
    if isinstance(event, base.EventBatch):
        return [one for each in event.events for one in flat(each)]
    return [event]


SERVERS = {"reference": ReferenceServer, "xmpp": XmppServer, "template": TemplateServer}


@pytest.fixture(params=[*ADAPTERS, "template"])
def adapter(request):
    """Each adapter there is; one without a counterpart here fails, and is not skipped."""
    made = {**ADAPTERS, "template": Template}[request.param]({})
    made.server = SERVERS[request.param]
    return made


@pytest.fixture
def server(adapter):
    """Its counterpart."""
    return adapter.server()


@pytest.fixture
def codec(adapter):
    """Ann's session."""
    return adapter.codec("ann", "d0")


@pytest.fixture
def connect(codec, server):
    """Brings a connection up; the events on the way."""

    def go(resumed=False):
        login = codec.login()
        if login is not None:
            assert server.answer(codec, login, ()).startswith("ws")
        assert codec.open({})
        return [one for frame in server.connected(resumed) for one in flat(codec.read(frame))]

    return go
