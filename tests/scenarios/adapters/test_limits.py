"""What a server says is checked, whatever an adapter has found in its JSON."""

import math

import pytest

from gauntlet.scenarios.adapters import limits
from gauntlet.scenarios.adapters.base import (
    Answer,
    Connected,
    Contacts,
    Entry,
    Gap,
    Heartbeat,
    ProtocolError,
    ReconnectRequest,
    Refused,
    Sent,
)

LONG = "x" * 10_000_000
WRONG_TEXTS = [None, 5, ["a"], {"a": 1}, b"bytes", LONG]


@pytest.mark.parametrize("value", WRONG_TEXTS)
@pytest.mark.parametrize(
    "field", ["conv", "sender", "client_msg_id", "event", "user", "id", "sticker"]
)
def test_names_of_an_entry_are_texts_of_a_length_that_can_be_kept(field, value):
    with pytest.raises(ProtocolError, match="an id or a name of an entry"):
        limits.check_entry(Entry(**{"conv": "c", "seq": 1, field: value}))


@pytest.mark.parametrize("value", [None, 5, ["a"], b"bytes"])
def test_the_body_of_an_entry_is_text(value):
    with pytest.raises(ProtocolError, match="the body of an entry must be text"):
        limits.check_entry(Entry(conv="c", seq=1, body=value))


@pytest.mark.parametrize("value", WRONG_TEXTS)
def test_names_in_other_events_are_texts(value):
    for event in (
        Answer(ticket=value, value=None),
        Refused(code=value),
        Gap(conv=value, first=1, last=2),
        ReconnectRequest(url=value, delay_ms=0),
    ):
        with pytest.raises(ProtocolError, match=r"no text|has 10000000 characters"):
            limits.check_event(event)
    for connected in (Connected(edge=value), Connected(environment=value)):
        with pytest.raises(ProtocolError, match=r"no text|has 10000000 characters"):
            limits.check_connected(connected)


@pytest.mark.parametrize("heads", [None, 5, ["a"], "text", {1: 1}, {"c": "1"}, {"c": math.nan}])
def test_heads_are_positions_by_conversation(heads):
    with pytest.raises(ProtocolError, match="head"):
        limits.check_event(Heartbeat(heads=heads))
    with pytest.raises(ProtocolError, match="head"):
        limits.check_connected(Connected(heads=heads))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, "5", None, 10**400, True])
def test_times_are_numbers_within_bounds(value):
    for check in (
        lambda: limits.check_sent(Sent(stored="no", retry_after_s=value)),
        lambda: limits.lifetime_s(value),
        lambda: limits.check_connected(Connected(ping_ms=value)),
        lambda: limits.check_event(ReconnectRequest(url="ws://a", delay_ms=value)),
    ):
        with pytest.raises(ProtocolError):
            check()


def test_a_login_that_lasts_no_time_does_not_renew_without_pause():
    assert limits.lifetime_s(0) == 0
    assert limits.lifetime_s(1e-9) == 1
    assert limits.lifetime_s(3600) == 3600


@pytest.mark.parametrize(
    "members", [None, "ann", ["ann"], {"ann": "1"}, {"ann": -1}, {"ann": True}, {1: 1}]
)
def test_members_are_names_with_positions(members):
    with pytest.raises(ProtocolError, match="member"):
        limits.check_members(members)
    limits.check_members({"ann": 1, "bob": 7})


@pytest.mark.parametrize("position", [None, "1", -1, 1.0, True, 1 << 64])
def test_a_change_of_a_membership_has_a_position(position):
    with pytest.raises(ProtocolError, match="change of a membership"):
        limits.check_change(position)
    limits.check_change(7)


@pytest.mark.parametrize("names", [None, "ann", {"ann": 1}, ("ann",), ["ann", 1], ["x" * 4097]])
def test_who_is_in_a_room_is_a_list_of_names(names):
    with pytest.raises(ProtocolError, match="list of who is in a room"):
        limits.check_names(names)
    limits.check_names(["ann", ""])


@pytest.mark.parametrize("names", [None, "ann", {"ann": 1}, ["ann", 1], ["x" * 4097]])
@pytest.mark.parametrize("which", ["friends", "incoming", "outgoing", "blocked"])
def test_contacts_are_lists_of_names(which, names):
    with pytest.raises(ProtocolError, match="list of contacts"):
        limits.check_contacts(Contacts(**{which: names}))
    limits.check_contacts(Contacts(**{which: ["ann", ""]}))


@pytest.mark.parametrize("names", [None, "hello", {"hello": 1}, ["hello", 1], ["x" * 4097]])
def test_stickers_are_a_list_of_names(names):
    with pytest.raises(ProtocolError, match="list of stickers"):
        limits.check_stickers(names)
    limits.check_stickers(["hello", ""])
