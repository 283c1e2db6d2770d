"""XMPP as bytes: what a client says, and how to read what it hears (RFC 6120, RFC 7395).

One WebSocket frame holds one XML element, and every stanza names its namespace.
"""

import base64
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from gauntlet.scenarios.adapters.base import Entry, ProtocolError

CLIENT = "{jabber:client}"
FRAMING = "{urn:ietf:params:xml:ns:xmpp-framing}"
STREAM = "{http://etherx.jabber.org/streams}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
SM = "{urn:xmpp:sm:3}"  # XEP-0198
MAM = "{urn:xmpp:mam:2}"  # XEP-0313
PING = "{urn:xmpp:ping}"  # XEP-0199
IDS = "{urn:xmpp:sid:0}"  # XEP-0359
FORWARD = "{urn:xmpp:forward:0}"  # XEP-0297
RSM = "{http://jabber.org/protocol/rsm}"  # XEP-0059

ENABLE = b"<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
REQUEST_ACK = b"<r xmlns='urn:xmpp:sm:3'/>"
PRESENCE = b"<presence xmlns='jabber:client'/>"
CLOSE = b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"


def parse(frame: bytes) -> ET.Element:
    """The element of a frame; ProtocolError where it is none."""
    if b"<!" in frame:  # RFC 6120, 11.1: and so no entities that could blow up
        raise ProtocolError("XMPP has neither DTDs nor comments")
    try:
        return ET.fromstring(frame)  # noqa: S314 - without a DTD there is nothing to expand
    except ET.ParseError as error:
        raise ProtocolError(f"not XML: {error}") from error


def open_stream(domain: str) -> bytes:
    """Begin a stream, and begin it again after authentication."""
    xmlns = FRAMING.strip("{}")
    return f"<open xmlns='{xmlns}' to={quoteattr(domain)} version='1.0'/>".encode()


def auth_plain(user: str, password: str) -> bytes:
    """SASL PLAIN (RFC 4616)."""
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    return f"<auth xmlns='{SASL.strip('{}')}' mechanism='PLAIN'>{secret}</auth>".encode()


def bind(resource: str) -> bytes:
    """Take a resource (RFC 6120, 7)."""
    xmlns = "urn:ietf:params:xml:ns:xmpp-bind"
    return _iq("bind", f"<bind xmlns='{xmlns}'><resource>{escape(resource)}</resource></bind>")


def resume(session: str, heard: int) -> bytes:
    """Take up a lost session, of which `heard` stanzas had come."""
    return f"<resume xmlns='urn:xmpp:sm:3' previd={quoteattr(session)} h='{heard}'/>".encode()


def ack(heard: int) -> bytes:
    """So many stanzas of this session have come."""
    return f"<a xmlns='urn:xmpp:sm:3' h='{heard}'/>".encode()


def message(to: str, ident: str, body: str) -> bytes:
    """A chat message under the sender's own id."""
    name = quoteattr(ident)
    return (
        f"<message xmlns='jabber:client' type='chat' to={quoteattr(to)} id={name}>"
        f"<body>{escape(body)}</body><origin-id xmlns='urn:xmpp:sid:0' id={name}/></message>"
    ).encode()


def ping(ident: str) -> bytes:
    """Ask the server for a sign of life."""
    return _iq(ident, "<ping xmlns='urn:xmpp:ping'/>", "get")


def pong(ident: str, to: str) -> bytes:
    """Give one."""
    told = f" to={quoteattr(to)}" if to else ""
    return f"<iq xmlns='jabber:client' type='result' id={quoteattr(ident)}{told}/>".encode()


def archive_query(ident: str, peer: str, after: str, limit: int) -> bytes:
    """A page of the archive of one's talk with a peer, from the beginning or after an id."""
    since = f"<after>{escape(after)}</after>" if after else ""
    form = "".join(
        f"<field var='{name}'><value>{escape(value)}</value></field>"
        for name, value in (("FORM_TYPE", MAM.strip("{}")), ("with", peer))
    )
    return _iq(
        ident,
        f"<query xmlns='{MAM.strip('{}')}' queryid={quoteattr(ident)}>"
        f"<x xmlns='jabber:x:data' type='submit'>{form}</x>"
        f"<set xmlns='{RSM.strip('{}')}'><max>{limit}</max>{since}</set></query>",
    )


def _iq(ident: str, content: str, kind: str = "set") -> bytes:
    return f"<iq xmlns='jabber:client' type='{kind}' id={quoteattr(ident)}>{content}</iq>".encode()


def read_message(stanza: ET.Element, ident: str = "") -> Entry | None:
    """The entry that a message is; None for one that says nothing.

    `ident` is its id in the reader's archive; a live message carries it as `stanza-id`. The
    conversation is that of the two that it names: sender and addressee.
    """
    body = stanza.findtext(f"{CLIENT}body")
    if body is None:
        return None
    sender, reader = name_of(stanza.get("from", "")), name_of(stanza.get("to", ""))
    if not ident:
        by = stanza.get("to", "").partition("/")[0]
        ids = (one for one in stanza.iter(f"{IDS}stanza-id") if one.get("by") == by)
        ident = next((one.get("id", "") for one in ids), "")
    conv = ".".join(["d", *sorted((sender, reader))])
    return Entry(conv, 0, sender, body, stanza.get("id", ""), id=ident)


def name_of(jid: str) -> str:
    """The user that an address stands for."""
    return jid.partition("@")[0]
