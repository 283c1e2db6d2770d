"""XMPP as bytes: golden frames, said to and heard from Prosody 0.12."""

from pathlib import Path

import pytest

from gauntlet.scenarios.adapters import xmpp_stanzas as stanzas
from gauntlet.scenarios.adapters.base import Entry, ProtocolError

GOLDEN = Path(__file__).parents[2] / "golden" / "xmpp"


def golden(name):
    """The bytes of a golden frame."""
    return (GOLDEN / f"{name}.xml").read_bytes().strip()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("open", stanzas.open_stream("localhost")),
        ("auth", stanzas.auth_plain("u0-1", "u0-1")),
        ("bind", stanzas.bind("d0")),
        ("enable", stanzas.ENABLE),
        ("presence", stanzas.PRESENCE),
        ("resume", stanzas.resume("mhtD4XsNydrR", 7)),
        ("ack", stanzas.ack(7)),
        ("request-ack", stanzas.REQUEST_ACK),
        ("message", stanzas.message("u0-0@localhost", "g1.1.1.1", "hi & <")),
        ("ping", stanzas.ping("ping1")),
        (
            "archive-query",
            stanzas.archive_query("page1", "u0-0@localhost", "CgcAvfcwo6MLvCUNIf6r5Y5t", 500),
        ),
        ("close", stanzas.CLOSE),
    ],
)
def test_the_clients_frames_are_golden(name, said):
    """Each is one element that names its namespace, as Prosody was seen to accept it."""
    assert said == golden(f"client/{name}")
    assert stanzas.parse(said).tag.startswith("{")


def test_a_message_and_its_archived_copy_are_the_same_entry():
    """Both carry the id of the reader's own archive, and the conversation of the two."""
    live = stanzas.read_message(stanzas.parse(golden("server/message")))
    result = stanzas.parse(golden("server/archived")).find(f"{stanzas.MAM}result")
    inner = result.find(f"{stanzas.FORWARD}forwarded/{stanzas.CLIENT}message")
    ident = "CgcAvfcwo6MLvCUNIf6r5Y5t"
    assert live == Entry("d.u0-0.u0-1", 0, "u0-0", "hi & <", "g1.1.2.3", id=ident)
    assert stanzas.read_message(inner, result.get("id")) == live


def test_only_the_readers_own_archive_names_a_message():
    """An id by anybody else says nothing about one's own archive (XEP-0359, 6)."""
    foreign = golden("server/message").replace(b"by='u0-1@localhost'", b"by='u0-0@localhost'")
    assert stanzas.read_message(stanzas.parse(foreign)).id == ""


def test_a_message_without_a_body_is_no_entry():
    """Receipts, markers and typing notices are none of ours."""
    silent = b"<message xmlns='jabber:client' from='a@b' to='c@b'><active xmlns='x'/></message>"
    assert stanzas.read_message(stanzas.parse(silent)) is None


@pytest.mark.parametrize("frame", [b"", b"hi", b"<a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
def test_what_is_no_element_is_an_error(frame):
    """Neither half an element nor a DTD, which XMPP does not have, gets through."""
    with pytest.raises(ProtocolError):
        stanzas.parse(frame)
