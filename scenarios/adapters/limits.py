"""The limits of what a server may say: values beyond them are protocol errors. Pure.

A history record has 32 bits for a position, and no real conversation comes near them; a number
beyond is a broken or hostile server. Waits are bounded so that no answer of a server can stop a
user for the rest of the run, or keep the engine busy.
"""

from gauntlet.scenarios.adapters.base import (
    Connected,
    Entry,
    Gap,
    Heartbeat,
    Page,
    ProtocolError,
    ReconnectRequest,
    Sent,
)

POSITION_MAX = (1 << 32) - 1
_INTERVAL_MS_MIN = 50  # of heartbeats
_WAIT_MS_MAX = 3_600_000


def check_entry(entry: Entry) -> None:
    """Raise ProtocolError for an entry that no server should push."""
    seq = entry.seq
    if type(seq) is not int or not 0 <= seq <= POSITION_MAX:
        raise ProtocolError(f"the position of an entry is {seq!r}")
    if type(entry.conv) is not str or type(entry.body) is not str:
        raise ProtocolError("the conversation and the body of an entry must be text")


def check_event(event: Gap | Heartbeat | ReconnectRequest) -> None:
    """Raise ProtocolError for an event that no server should cause."""
    match event:
        case Gap():
            _check_position(event.first, "the first position of a gap")
            _check_position(event.last, "the last position of a gap")
        case Heartbeat():
            for head in event.heads.values():
                _check_position(head, "a head")
        case ReconnectRequest():
            check_wait_ms(event.delay_ms, 0, "delay_ms of a reconnect request")


def check_connected(connected: Connected) -> None:
    """Raise ProtocolError for a greeting that no server should send."""
    for head in connected.heads.values():
        _check_position(head, "a head")
    check_wait_ms(connected.ping_ms, _INTERVAL_MS_MIN, "ping_ms")
    check_wait_ms(connected.pong_ms, _INTERVAL_MS_MIN, "pong_ms")


def check_sent(sent: Sent) -> None:
    """Raise ProtocolError for an acknowledgement that no server should send."""
    _check_position(sent.seq, "the position in an acknowledgement")


def check_page(page: Page) -> None:
    """Raise ProtocolError for a page whose positions are impossible."""
    _check_position(page.head, "the head of a page")
    for entry in page.entries:
        check_entry(entry)


def check_wait_ms(value_ms: float, least_ms: float, what: str) -> None:
    """Raise ProtocolError where a wait is negative, too short or endless."""
    if type(value_ms) not in (int, float) or not least_ms <= value_ms <= _WAIT_MS_MAX:
        raise ProtocolError(f"{what} is {value_ms!r}")


def _check_position(position: int, what: str) -> None:
    if type(position) is not int or not 0 <= position <= POSITION_MAX:
        raise ProtocolError(f"{what} is {position!r}")
