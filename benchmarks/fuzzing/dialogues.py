"""What the system of each adapter may send in a session, as valid frames in a valid order."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import mqtt5

from gauntlet.scenarios.adapters.base import Binary, Codec

CONV, ID, BODY = "d.ann.bob", "c9", "g1|4|17|body"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def reference(_: Codec) -> Sequence[bytes]:
    """`im.v1`."""
    message = {
        "conv": CONV,
        "seq": 1,
        "msg_id": "m",
        "client_msg_id": ID,
        "sender": "bob",
        "body": BODY,
        "ts": 5,
    }
    greeting = {"client": "edge-blue-1|1", "ping_ms": 9000, "pong_ms": 9000, "heads": {CONV: 0}}
    move = {"url": "ws://127.0.0.1:1", "delay_ms": 9, "deadline_ms": 99, "reason": "drain"}
    return [
        _json({"connected": greeting}),
        _json({"msg": message}),
        _json({"room": {"conv": "r.x", "seq": 2, "event": "entered", "user": "bob", "ts": 5}}),
        _json({"gap": {"conv": CONV, "from": 2, "to": 5}}),
        _json({"ping": {"heads": {CONV: 5}}}),
        _json({"pong": {"heads": {}}}),
        _json({"reconnect": move}),
        _json({"error": {"code": "rate_limited", "message": "too many"}}),
    ]


def xmpp(_: Codec) -> Sequence[bytes]:
    """XMPP over WebSocket."""
    stream = "xmlns:stream='http://etherx.jabber.org/streams'"
    chat = (
        "<message xmlns='jabber:client' type='chat' from='bob@localhost/d0' to='ann@localhost' "
        f"id='{ID}'><body>{BODY}</body>%s</message>"
    )
    result = (
        "<message xmlns='jabber:client'><result xmlns='urn:xmpp:mam:2' queryid='page1' id='a1'>"
        f"<forwarded xmlns='urn:xmpp:forward:0'>{chat % ''}</forwarded></result></message>"
    )
    ping = "<ping xmlns='urn:xmpp:ping'/>"
    texts = (
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        (
            f"<stream:features {stream}><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
            "</stream:features>"
        ),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        f"<stream:features {stream}><sm xmlns='urn:xmpp:sm:3'/></stream:features>",
        "<iq xmlns='jabber:client' type='result' id='bind'/>",
        "<enabled xmlns='urn:xmpp:sm:3' id='s1' resume='true'/>",
        chat % "<stanza-id xmlns='urn:xmpp:sid:0' by='ann@localhost' id='a1'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<a xmlns='urn:xmpp:sm:3' h='3'/>",
        result,
        (
            "<iq xmlns='jabber:client' type='result' id='page1'>"
            "<fin xmlns='urn:xmpp:mam:2' complete='true'/></iq>"
        ),
        f"<iq xmlns='jabber:client' type='get' id='p1' from='localhost'>{ping}</iq>",
        "<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='2'/>",
        "<failed xmlns='urn:xmpp:sm:3' h='2'/>",
        f"<stream:error {stream}><conflict/></stream:error>",
    )
    return [text.encode() for text in texts]


def mqtt(_: Codec) -> Sequence[bytes]:
    """MQTT 5."""
    publish = mqtt5.PublishPacket(
        f"gauntlet/{CONV}",
        BODY.encode(),
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=1,
        user_properties=[("sender", "bob"), ("id", ID)],
    )
    packets = (
        mqtt5.ConnAckPacket(session_present=False),
        mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]),
        publish,
        mqtt5.PubAckPacket(2),
        mqtt5.PubRecPacket(2),
        mqtt5.PubRelPacket(1),
        mqtt5.PubCompPacket(2),
        mqtt5.PingRespPacket(),
        mqtt5.DisconnectPacket(),
    )
    return [Binary(packet.write()) for packet in packets]


def nats(codec: Codec) -> Sequence[bytes]:
    """NATS with JetStream."""
    inbox, consumer = getattr(codec, "_inbox", "_INBOX.x"), getattr(codec, "_consumer", "c")
    headers = f"Gauntlet-Sender: bob\r\nNats-Msg-Id: {ID}\r\n"
    subject = "gauntlet.d%2Eann%2Ebob"
    stored = f"{headers}Nats-Subject: {subject}\r\nNats-Sequence: 1\r\n"
    texts = (
        'INFO {"server_name": "n1", "max_payload": 1048576}\r\n',
        "PONG\r\n",
        _nats(f"{inbox}.stream", '{"created": "t1", "state": {"last_seq": 0}}'),
        _nats(f"{inbox}.c.new", "{}"),
        _nats(subject, BODY, f"$JS.ACK.GAUNTLET.{consumer}.1.1.1.0.0", headers),
        _nats(f"{inbox}.s.{ID}", '{"stream": "GAUNTLET", "seq": 1}'),
        _nats(f"{inbox}.h.page1", BODY, "", stored),
        _nats(f"{inbox}.h.page1", "", "", "Nats-Num-Pending: 0\r\n", " 204 EOB"),
        _nats(f"{inbox}.s.{ID}", '{"error": {"code": 503, "description": "no"}}'),
        "PING\r\n",
        "+OK\r\n",
        "-ERR 'Slow Consumer'\r\n",
    )
    return [Binary(text.encode()) for text in texts]


def _nats(subject: str, body: str, reply: str = "", headers: str = "", status: str = "") -> str:
    words = f"{subject} 1 {reply}".rstrip()
    if not headers:
        return f"MSG {words} {len(body)}\r\n{body}\r\n"
    block = f"NATS/1.0{status}\r\n{headers}\r\n"
    return f"HMSG {words} {len(block)} {len(block) + len(body)}\r\n{block}{body}\r\n"


def centrifugo(_: Codec) -> Sequence[bytes]:
    """Centrifugo in JSON."""
    data = {"id": ID, "from": "bob", "body": BODY}
    publication = {"data": data, "offset": 1}
    subscribed = {"epoch": "e", "offset": 0, "recovered": False, "publications": []}
    page = {"publications": [publication], "epoch": "e", "offset": 1}
    connected = {"client": "c", "version": "6", "ping": 25, "pong": True, "node": "n1"}
    return [
        _json({"id": 1, "connect": connected}),
        _json({"id": 2, "subscribe": subscribed}),
        _json({"push": {"channel": CONV, "pub": publication}}),
        _json({"id": 3, "publish": {}}),
        _json({"id": 4, "history": page}),
        _json({"id": 5, "error": {"code": 108, "message": "no", "temporary": True}}),
        b"{}",
        _json({"push": {"channel": CONV, "unsubscribe": {"code": 2500, "reason": "x"}}}),
        _json({"push": {"disconnect": {"code": 3000, "reason": "x"}}}),
    ]


def socketio(_: Codec) -> Sequence[bytes]:
    """Socket.IO in Engine.IO."""
    message = json.dumps(["message", {"conv": CONV, "id": ID, "from": "bob", "body": BODY}, "o2"])
    return [
        b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}',
        b'40{"sid":"s","pid":"p"}',
        b'42["subscribed",1,"o1"]',
        f"42{message}".encode(),
        f'431[{{"stored":"{ID}"}}]'.encode(),
        b"2",
        b'44{"message":"refused"}',
        b"6",
        b"41",
    ]


# By adapter. Those of `HTTP` are answers to requests instead of frames.
FRAMES: dict[str, Callable[[Codec], Sequence[bytes]]] = {
    "reference": reference,
    "xmpp": xmpp,
    "mqtt": mqtt,
    "nats": nats,
    "centrifugo": centrifugo,
    "socketio": socketio,
}

_ENTRY = {"type": "msg", "seq": 1, "msg_id": "m", "client_msg_id": ID, "sender": "bob", "ts": 5}
_EVENT = {
    "type": "m.room.message",
    "sender": "@bob:localhost",
    "event_id": "$1",
    "content": {"msgtype": "m.text", "body": BODY, "gauntlet_id": ID},
}
_JOINED = {"!room:localhost": {"timeline": {"events": [_EVENT], "limited": False}}}

# Bodies of HTTP answers by adapter: a fuzzer gives each one to each request.
HTTP: dict[str, list[Any]] = {
    "reference": [
        {"token": "t", "expires_in_s": 60, "connect": {"url": "ws://127.0.0.1:1"}},
        {"conv": CONV, "seq": 1, "client_msg_id": ID, "msg_id": "m", "ts": 5},
        {"messages": [{**_ENTRY, "body": BODY}], "head": 1, "more": True},
        {"members": {"bob": {"from": 1}}, "present": ["bob"]},
        {"error": {"code": "overloaded", "message": "no", "temporary": True, "stored": "no"}},
    ],
    "matrix": [
        {"access_token": "t", "user_id": "@ann:localhost"},
        {"next_batch": "s2", "rooms": {"join": _JOINED}},
        {"event_id": "$9"},
        {"chunk": [_EVENT], "end": "t2"},
        {"room_id": "!room:localhost"},
        {"errcode": "M_FORBIDDEN", "error": "no"},
    ],
}
