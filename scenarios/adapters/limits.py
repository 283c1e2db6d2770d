"""The limits of what a server may say: values beyond them are protocol errors. Pure.

Values of a wrong type are errors here, too: adapters pass on what they find in JSON, and a list in
the place of a name would fail much later, where it would end the load.

A history record has 32 bits for a position, and no real conversation comes near them; a number
beyond is a broken or hostile server. Waits are bounded so that no answer of a server can stop a
user for the rest of the run, or keep the engine busy.

The values are read as `Any`: compiled code would check the declared types itself, with a TypeError.
"""

from collections.abc import Mapping
from typing import Any

from gauntlet.scenarios.adapters.base import (
    Answer,
    Gap,
    Heartbeat,
    ProtocolError,
    ReconnectRequest,
    Refused,
)

POSITION_MAX = (1 << 32) - 1
_INTERVAL_MS_MIN = 50  # of heartbeats
_WAIT_MS_MAX = 3_600_000
_LIFETIME_S = (1.0, 1e9)  # of a login: renewals more often than that would be a load of their own
_NAME_CHARACTERS_MAX = 4_096  # of ids and names, which are kept for the whole run


def check_entry(entry: Any) -> None:
    """Raise ProtocolError for an entry that no server should push."""
    seq = entry.seq
    if type(seq) is not int or not 0 <= seq <= POSITION_MAX:
        raise ProtocolError(f"the position of an entry is {seq!r}")
    if type(entry.body) is not str:
        raise ProtocolError("the body of an entry must be text")
    if type(entry.stamped_ms) is not int:
        raise ProtocolError(f"the time stamp of an entry is {entry.stamped_ms!r}")
    for name in (
        entry.conv,
        entry.sender,
        entry.client_msg_id,
        entry.event,
        entry.user,
        entry.id,
        entry.sticker,
    ):
        if type(name) is not str or len(name) > _NAME_CHARACTERS_MAX:
            _check_text(name, "an id or a name of an entry")


def check_event(event: Answer | Gap | Heartbeat | ReconnectRequest | Refused) -> None:
    """Raise ProtocolError for an event that no server should cause."""
    fields: Any = event
    match event:
        case Answer():
            _check_text(fields.ticket, "the id of an answer")
        case Refused():
            _check_text(fields.code, "the code of a refusal")
        case Gap():
            _check_text(fields.conv, "the conversation of a gap")
            _check_position(fields.first, "the first position of a gap")
            _check_position(fields.last, "the last position of a gap")
        case Heartbeat():
            check_heads(fields.heads)
            if not isinstance(fields.answer, bytes):
                raise ProtocolError(f"the answer to a heartbeat is {fields.answer!r}, and no frame")
        case ReconnectRequest():
            _check_text(fields.url, "the address of a reconnect request")
            check_wait_ms(fields.delay_ms, 0, "delay_ms of a reconnect request")


def check_connected(connected: Any) -> None:
    """Raise ProtocolError for a greeting that no server should send."""
    _check_text(connected.edge, "the name of a node")
    _check_text(connected.environment, "the name of an environment")
    check_heads(connected.heads)
    _check_flag(connected.resumed, "`resumed` of a greeting")
    check_wait_ms(connected.ping_ms, _INTERVAL_MS_MIN, "ping_ms")
    check_wait_ms(connected.pong_ms, _INTERVAL_MS_MIN, "pong_ms")


def check_sent(sent: Any) -> None:
    """Raise ProtocolError for an acknowledgement that no server should send."""
    _check_position(sent.seq, "the position in an acknowledgement")
    _check_text(sent.stored, "the outcome in an acknowledgement")
    _check_flag(sent.temporary, "`temporary` of an acknowledgement")
    check_wait_ms(sent.retry_after_s, 0, "the time until the next attempt")
    if type(sent.stamped_ms) is not int:
        raise ProtocolError(f"the time stamp in an acknowledgement is {sent.stamped_ms!r}")
    for name in (sent.conv, sent.client_msg_id, sent.id):
        _check_text(name, "an id or a name in an acknowledgement")


def check_names(names: Any) -> None:
    """Raise ProtocolError for what is not a list of names."""
    if type(names) is not list:
        raise ProtocolError(f"the list of who is in a room is {type(names).__name__}")
    for name in names:
        _check_text(name, "a name in the list of who is in a room")


def check_contacts(contacts: Any) -> None:
    """Raise ProtocolError for lists of contacts that are no lists of names."""
    for names in (contacts.friends, contacts.incoming, contacts.outgoing, contacts.blocked):
        _check_list(names, "a list of contacts")


def check_stickers(stickers: Any) -> None:
    """Raise ProtocolError for what is no list of the names of stickers."""
    _check_list(stickers, "the list of stickers")


def check_page(page: Any) -> None:
    """Raise ProtocolError for a page whose positions are impossible."""
    _check_position(page.head, "the head of a page")
    _check_flag(page.more, "`more` of a page")
    for entry in page.entries:
        check_entry(entry)


def check_wait_ms(value_ms: Any, least_ms: float, what: str) -> None:
    """Raise ProtocolError where a wait is negative, too short or endless."""
    if type(value_ms) not in (int, float) or not least_ms <= value_ms <= _WAIT_MS_MAX:
        raise ProtocolError(f"{what} is {value_ms!r}")


def lifetime_s(value: Any) -> float:
    """Return how long a login lasts, 0 if it does not end; ProtocolError if that is no time."""
    if type(value) not in (int, float) or not 0 <= value <= _LIFETIME_S[1]:
        raise ProtocolError(f"a login lasts {value!r} s")
    return max(float(value), _LIFETIME_S[0]) if value else 0.0


def check_heads(heads: Any) -> None:
    """Raise ProtocolError for what is not an object of positions."""
    if not isinstance(heads, Mapping):
        raise ProtocolError(f"the heads are {type(heads).__name__}, and no object")
    for conv, head in heads.items():
        _check_text(conv, "the conversation of a head")
        _check_position(head, "a head")


def check_members(members: Any) -> None:
    """Raise ProtocolError for what is not the first position of each member by name."""
    if not isinstance(members, Mapping):
        raise ProtocolError(f"the members are {type(members).__name__}, and no object")
    for name, position in members.items():
        _check_text(name, "the name of a member")
        _check_position(position, "the first position of a member")


def check_change(position: Any) -> None:
    """Raise ProtocolError for an answer to a change of a membership that is no position."""
    _check_position(position, "the position of a change of a membership")


def _check_list(names: Any, what: str) -> None:
    if type(names) not in (list, tuple):
        raise ProtocolError(f"{what} is {type(names).__name__}")
    for name in names:
        _check_text(name, f"a name in {what}")


def _check_text(value: Any, what: str) -> None:
    if type(value) is not str:
        raise ProtocolError(f"{what} is {type(value).__name__}, and no text")
    if len(value) > _NAME_CHARACTERS_MAX:
        raise ProtocolError(f"{what} has {len(value)} characters")


def _check_flag(value: Any, what: str) -> None:
    if type(value) is not bool:
        raise ProtocolError(f"{what} is {value!r}")


def _check_position(position: Any, what: str) -> None:
    if type(position) is not int or not 0 <= position <= POSITION_MAX:
        raise ProtocolError(f"{what} is {position!r}")
