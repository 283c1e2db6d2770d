"""XMPP as bytes: golden frames, exchanged with Prosody 0.12."""

from pathlib import Path

import pytest

from gauntlet.scenarios.adapters import xmpp_stanzas as stanzas
from gauntlet.scenarios.adapters.base import Entry, ProtocolError

GOLDEN = Path(__file__).parents[2] / "golden" / "xmpp"


def golden(name):
    """Return the bytes of a golden frame."""
    return (GOLDEN / f"{name}.xml").read_bytes().strip()


@pytest.mark.parametrize(
    ("name", "frame"),
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
def test_the_frames_of_the_client_equal_the_golden_frames(name, frame):
    """They were recorded from a session that Prosody accepted."""
    assert frame == golden(f"client/{name}")
    assert stanzas.parse(frame).tag.startswith("{")


def test_a_message_and_its_archived_copy_are_the_same_entry():
    live = stanzas.read_message(stanzas.parse(golden("server/message")))
    result = stanzas.parse(golden("server/archived")).find(f"{stanzas.MAM}result")
    inner = result.find(f"{stanzas.FORWARD}forwarded/{stanzas.CLIENT}message")
    ident = "CgcAvfcwo6MLvCUNIf6r5Y5t"
    assert live == Entry("d.u0-0.u0-1", 0, "u0-0", "hi & <", "g1.1.2.3", id=ident)
    assert stanzas.read_message(inner, result.get("id")) == live


def test_only_the_id_of_the_readers_own_archive_counts():
    """XEP-0359, 6."""
    foreign = golden("server/message").replace(b"by='u0-1@localhost'", b"by='u0-0@localhost'")
    assert stanzas.read_message(stanzas.parse(foreign)).id == ""


def test_a_message_without_a_body_is_no_entry():
    silent = b"<message xmlns='jabber:client' from='a@b' to='c@b'><active xmlns='x'/></message>"
    assert stanzas.read_message(stanzas.parse(silent)) is None


@pytest.mark.parametrize(
    "frame",
    [
        *(b"", b"hi", b"<a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        b"<?xml version='1.0' encoding='utf-7'?><a/>",
        b"<?xml version='1.0' encoding='none'?><a/>",
    ],
)
def test_invalid_xml_dtds_and_other_encodings_are_protocol_errors(frame):
    with pytest.raises(ProtocolError):
        stanzas.parse(frame)


@pytest.mark.parametrize("count", ["x", "", "-1", "1.5", "\u0663", "9" * 5000])
def test_a_count_of_stanzas_that_is_no_number_is_a_protocol_error(count):
    with pytest.raises(ProtocolError, match="is no count of stanzas"):
        stanzas.count_of(stanzas.parse(f"<a xmlns='urn:xmpp:sm:3' h='{count}'/>".encode()))
    assert (
        stanzas.count_of(stanzas.parse(b"<a xmlns='urn:xmpp:sm:3' h='4294967295'/>")) == 2**32 - 1
    )
