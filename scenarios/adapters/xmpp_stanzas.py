"""XMPP as bytes: writing a client's elements and reading those of a server (RFC 6120, RFC 7395).

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
REGISTER = "jabber:iq:register"  # XEP-0077

_COUNT_DIGITS_MAX = 10  # it wraps at 2**32

ENABLE = b"<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
REQUEST_ACK = b"<r xmlns='urn:xmpp:sm:3'/>"
PRESENCE = b"<presence xmlns='jabber:client'/>"
CLOSE = b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"


def parse(frame: bytes) -> ET.Element:
    """Return the element in a frame; ProtocolError if the frame is not XML.

    RFC 6120 (11.1) forbids DTDs and comments, so that no entity can expand to a huge text.
    """
    if b"<!" in frame:
        raise ProtocolError("XMPP forbids DTDs and comments")
    try:
        return ET.fromstring(frame)  # noqa: S314 - without a DTD there is nothing to expand
    except (ET.ParseError, ValueError, LookupError) as error:  # of another encoding, for example
        raise ProtocolError(f"not XML: {error}") from error


def open_stream(domain: str) -> bytes:
    """Return the opening of a stream, which is also sent again after authentication."""
    xmlns = FRAMING.strip("{}")
    return f"<open xmlns='{xmlns}' to={quoteattr(domain)} version='1.0'/>".encode()


def auth_plain(user: str, password: str) -> bytes:
    """Return an authentication by SASL PLAIN (RFC 4616)."""
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    return f"<auth xmlns='{SASL.strip('{}')}' mechanism='PLAIN'>{secret}</auth>".encode()


def bind(resource: str) -> bytes:
    """Return the request to bind a resource (RFC 6120, 7)."""
    xmlns = "urn:ietf:params:xml:ns:xmpp-bind"
    return _iq("bind", f"<bind xmlns='{xmlns}'><resource>{escape(resource)}</resource></bind>")


def resume(session: str, received: int) -> bytes:
    """Return the request to resume a session of which `received` stanzas have arrived."""
    return f"<resume xmlns='urn:xmpp:sm:3' previd={quoteattr(session)} h='{received}'/>".encode()


def ack(received: int) -> bytes:
    """Return the acknowledgement of all stanzas of this session that have arrived."""
    return f"<a xmlns='urn:xmpp:sm:3' h='{received}'/>".encode()


def message(to: str, ident: str, body: str) -> bytes:
    """Return a chat message with the sender's own id."""
    name = quoteattr(ident)
    return (
        f"<message xmlns='jabber:client' type='chat' to={quoteattr(to)} id={name}>"
        f"<body>{escape(body)}</body><origin-id xmlns='urn:xmpp:sid:0' id={name}/></message>"
    ).encode()


def ping(ident: str) -> bytes:
    """Return a ping (XEP-0199)."""
    return _iq(ident, "<ping xmlns='urn:xmpp:ping'/>", "get")


def pong(ident: str, to: str) -> bytes:
    """Return the answer to a ping of the server."""
    recipient = f" to={quoteattr(to)}" if to else ""
    return f"<iq xmlns='jabber:client' type='result' id={quoteattr(ident)}{recipient}/>".encode()


def archive_query(ident: str, peer: str, after: str, limit: int) -> bytes:
    """Return the query for a page of the archive with a peer, from the start or after an id."""
    position = f"<after>{escape(after)}</after>" if after else ""
    form = "".join(
        f"<field var='{name}'><value>{escape(value)}</value></field>"
        for name, value in (("FORM_TYPE", MAM.strip("{}")), ("with", peer))
    )
    return _iq(
        ident,
        f"<query xmlns='{MAM.strip('{}')}' queryid={quoteattr(ident)}>"
        f"<x xmlns='jabber:x:data' type='submit'>{form}</x>"
        f"<set xmlns='{RSM.strip('{}')}'><max>{limit}</max>{position}</set></query>",
    )


def register(user: str, password: str) -> bytes:
    """Return the request to create an account (XEP-0077)."""
    fields = f"<username>{escape(user)}</username><password>{escape(password)}</password>"
    return _iq("register", f"<query xmlns='{REGISTER}'>{fields}</query>")


def unregister(ident: str) -> bytes:
    """Return the request to remove the account of the stream (XEP-0077)."""
    return _iq(ident, f"<query xmlns='{REGISTER}'><remove/></query>")


def count_of(element: ET.Element) -> int:
    """Return how many stanzas an element of stream management acknowledges (XEP-0198, 4)."""
    text = element.get("h", "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= _COUNT_DIGITS_MAX):
        raise ProtocolError(f"{text[:40]!r} is no count of stanzas")
    return int(text)


def condition(element: ET.Element) -> str:
    """Return the condition of a stanza's error, such as `conflict`."""
    error = element.find(f"{CLIENT}error")
    conditions = [child.tag.partition("}")[2] for child in error] if error is not None else []
    return conditions[0] if conditions else "refused"


def _iq(ident: str, content: str, kind: str = "set") -> bytes:
    return f"<iq xmlns='jabber:client' type='{kind}' id={quoteattr(ident)}>{content}</iq>".encode()


def read_message(stanza: ET.Element, ident: str = "") -> Entry | None:
    """Return the entry in a message stanza; None if it has no body.

    `ident` is its id in the reader's archive; a live message carries it as `stanza-id`. The
    conversation follows from the sender and the recipient.
    """
    body = stanza.findtext(f"{CLIENT}body")
    if body is None:
        return None
    sender, reader = name_of(stanza.get("from", "")), name_of(stanza.get("to", ""))
    if not ident:
        archive = stanza.get("to", "").partition("/")[0]
        ids = (
            element for element in stanza.iter(f"{IDS}stanza-id") if element.get("by") == archive
        )
        ident = next((element.get("id", "") for element in ids), "")
    conv = ".".join(["d", *sorted((sender, reader))])
    return Entry(conv, 0, sender, body, stanza.get("id", ""), id=ident)


def name_of(jid: str) -> str:
    """Return the user name in an address."""
    return jid.partition("@")[0]
