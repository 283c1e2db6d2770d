"""The smallest slice of a history that shows a violation: at most 20 events of 3 clients.

The records of the violation itself come first, then what is needed to understand it: the faults and
connections at that time, and the pages that had to contain the messages. What does not fit is
counted as omitted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports.checks._held_pushes import arrival
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import NEVER, Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.witness import wording
from gauntlet.reports.witness.clients import choose_clients
from gauntlet.reports.witness.moments import near_faults, spans

EVENTS_MAX = 20
FAULTS_MAX = 2

_CLOSE_ABNORMAL = 1006

_CLAIMS = (Kind.ACK, Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT)
_OUTCOMES = (Kind.ACK, Kind.REJECT, Kind.UNKNOWN)
_PRESENTED = (Kind.DELIVER, Kind.RECEIVE, Kind.ARRIVED)
_UNPLACED = (Kind.CONTACT, Kind.CONTACT_LIST, Kind.STICKER)

_COMPLETING = ("ack", "delivery", "copy")

# The order in which events are kept if there are too many.
_VIOLATION, _SEND, _SEEN, _FAULT, _CONNECTION, _PAGE, _OTHER = range(7)


@dataclass(frozen=True)
class Event:
    """One event of a slice. `client` is an index in `Slice.clients`, -1 for the audit or a fault.

    `wrong` marks the events that make up the violation. `message` is an index of the history, -1
    for events that are not about a message.
    """

    t_ns: int
    what: str
    text: str
    client: int = -1
    message: int = -1
    position: int = 0
    wrong: bool = False
    rank: int = _OTHER


@dataclass(frozen=True)
class Slice:
    """The events that show a violation, sorted by time, and the clients that took part in them.

    `at_ns` is when the violation happened, NEVER if that is not known.
    """

    at_ns: int
    clients: tuple[str, ...]
    events: tuple[Event, ...]
    omitted: int


def cut(history: History, witness: Witness) -> Slice:
    """Return the slice of a history that shows a violation."""
    at = _records_of(history, witness)
    sessions = choose_clients(history, witness, at)
    events = [*_message_events(history, witness, at, sessions), *_absences(history, witness)]
    events = [_with_client(event, history, sessions) for event in events]
    at_ns = moment_of(history, witness)
    start = min((event.t_ns for event in events), default=at_ns)
    end = max((event.t_ns for event in events), default=at_ns)
    context = [
        *_faults(history, at_ns),
        *_connections(history, sessions, start, min(end, _audit_ns(history))),
        *_pages(history, witness, sessions),
    ]
    known = {(event.t_ns, event.what, event.client) for event in events}
    # A page that covers several messages is one event.
    further = {(event.t_ns, event.what, event.client): event for event in context}
    events += [event for key, event in further.items() if key not in known]
    chosen = sorted(events, key=lambda event: (event.rank, abs(event.t_ns - at_ns)))[:EVENTS_MAX]
    chosen.sort(key=lambda event: event.t_ns)
    return Slice(
        at_ns=at_ns,
        clients=tuple(wording.client(history, session) for session in sessions),
        events=tuple(_marked(chosen)),
        omitted=len(events) - len(chosen),
    )


def moment_of(history: History, witness: Witness) -> int:
    """Return when a violation happened, NEVER if that is not known."""
    if witness.at_ns:
        return witness.at_ns
    if witness.records:
        return int(history.records["t_ns"][witness.records[-1]])
    messages = history.messages
    for message in witness.messages[:1]:
        for t_ns in (messages.acked_ns[message], messages.first_attempt_ns[message]):
            if t_ns != NEVER:
                return int(t_ns)
    return NEVER


def _records_of(history: History, witness: Witness) -> Ints:
    """Return the records of the witness and of its messages."""
    own = np.array(witness.records, dtype=np.int64)
    of_messages = [of_message(history, message, own) for message in witness.messages]
    return np.unique(np.concatenate([own, *of_messages]))


def of_message(history: History, message: int, witnesses: Ints) -> Ints:
    """Return the records of a message that explain a violation, whose own records are given.

    The names and time stamps of the server explain only a violation that is about them.
    """
    kind = history.records["kind"]
    at = np.flatnonzero(history.messages.of_record == message)
    for special in (Kind.NAMED, Kind.STAMP):
        if not (kind[witnesses] == special).any():
            at = at[kind[at] != special]
    return at


def _message_events(
    history: History, witness: Witness, at: Ints, sessions: tuple[int, ...]
) -> Iterator[Event]:
    """Yield the events that the records of the witness and of its messages describe."""
    claims: set[tuple[int, int]] = set()
    attempts: dict[int, int] = {}
    for index in at.tolist():
        record = history.records[index]
        kind, message = int(record["kind"]), int(history.messages.of_record[index])
        session, wrong = int(history.session[index]), index in witness.records
        claim = (message, int(record["seq"]))
        is_new_claim = kind in _CLAIMS and record["seq"] > 0 and claim not in claims
        if kind in _CLAIMS:
            claims.add(claim)
        rank = _OTHER
        if wrong:
            rank = _VIOLATION
        elif kind in _OUTCOMES:
            rank = _SEND
        elif kind == Kind.ATTEMPT:
            attempts[message] = attempts.get(message, 0) + 1
            rank = _SEND if attempts[message] == 1 else _PAGE
        elif kind == Kind.AUDIT:
            rank = _SEEN
        elif kind in _PRESENTED and session in sessions:
            is_near = session == sessions[0] or not witness.user
            rank = _SEEN if is_new_claim or is_near else _PAGE
        elif kind in _PRESENTED or kind == Kind.OP:
            continue
        yield Event(
            t_ns=int(record["t_ns"]),
            what=wording.what(record),
            text=wording.record(history, index),
            client=session,
            message=message,
            position=0 if kind in _UNPLACED else int(record["seq"]),
            wrong=wrong,
            rank=rank,
        )


def _absences(history: History, witness: Witness) -> Iterator[Event]:
    """Yield an event for each message whose absence is the violation."""
    if not witness.absent:
        return
    if witness.user:
        end_ns = _audit_ns(history)
        for message in witness.messages:
            arrived = arrival(history, message, witness.session) >= 0
            text = f"{'was never shown' if arrived else 'never received'} "
            text += wording.message(history, message)
            yield Event(
                end_ns, "missing", text, witness.session, message, wrong=True, rank=_VIOLATION
            )
        return
    records = history.records
    for message in witness.messages:
        conv = history.messages.conv[message]
        for index in np.flatnonzero((records["kind"] == Kind.HEAD) & (records["conv"] == conv))[:1]:
            text = (
                f"the audit ends at position {records['seq'][index]:,}, without "
                f"{wording.message(history, message)}"
            )
            t_ns = int(records["t_ns"][index])
            yield Event(t_ns, "missing", text, -1, message, wrong=True, rank=_VIOLATION)


def _audit_ns(history: History) -> int:
    """Return when the load ended and the audit began."""
    return history.events.phases.get("audit", history.span_ns[1])


def _with_client(event: Event, history: History, sessions: tuple[int, ...]) -> Event:
    """Return an event with the index of its client instead of the number of its session."""
    client = sessions.index(event.client) if event.client in sessions else -1
    if client < 0 <= event.client:  # a client for which there is no room
        return replace(
            event, client=-1, text=f"{wording.client(history, event.client)}: {event.text}"
        )
    return replace(event, client=client)


def _faults(history: History, at_ns: int) -> Iterator[Event]:
    """Yield the begin and the end of the faults that acted at a time or near it."""
    for fault, begin, end in spans(near_faults(history.events, at_ns)[:FAULTS_MAX]):
        target = f" {fault.target}" if fault.target else ""
        text = f"fault {fault.id} ({fault.kind}{target})"
        yield Event(begin, "fault-begin", f"{text} takes effect", rank=_FAULT)
        if end != NEVER:
            yield Event(end, "fault-end", f"{text} is healed", rank=_FAULT)


def _connections(
    history: History, sessions: tuple[int, ...], start: int, end: int
) -> Iterator[Event]:
    """Yield what happened to the connections of the first client, which was connected before."""
    known = history.sessions.connections
    for client, session in enumerate(sessions[:1]):
        own = np.flatnonzero(known.session == session)
        before = own[known.up_ns[own] < start][-1:]
        within = own[(known.up_ns[own] >= start) & (known.up_ns[own] <= end)]
        for index in [*before.tolist(), *within.tolist()]:
            rank = _CONNECTION if index not in before else _OTHER
            connection = history.names.connections[int(known.link[index])]
            where = f"connection {connection.incarnation} to {connection.edge}"
            yield Event(int(known.up_ns[index]), "connect", f"{where} opens", client, rank=rank)
            if start <= known.down_ns[index] <= end:
                text = f"{where} {_end(int(known.close_code[index]))}"
                down_ns = int(known.down_ns[index])
                yield Event(down_ns, "disconnect", text, client, rank=_CONNECTION)


def _end(close_code: int) -> str:
    """Return how a connection ended; 1006 means that no close frame came, on any transport."""
    return "is lost" if close_code == _CLOSE_ABNORMAL else f"ends (code {close_code})"


def _pages(history: History, witness: Witness, sessions: tuple[int, ...]) -> Iterator[Event]:
    """Yield pages and announced gaps of the first client that cover a message of the witness."""
    records, messages = history.records, history.messages
    if not sessions or not witness.user:
        return
    for message in witness.messages:
        position, conv = int(messages.position[message]), int(messages.conv[message])
        if position == 0:
            continue
        at = np.flatnonzero(
            np.isin(records["kind"], (Kind.PAGE, Kind.GAP)) & (records["conv"] == conv)
        )
        at = at[history.session[at] == sessions[0]]
        is_gap = records["kind"][at] == Kind.GAP
        begins = records["seq"][at] + ~is_gap  # a page begins after its `seq`
        at = at[(begins <= position) & (records["sseq"][at] >= position)]
        for index in at.tolist():
            yield Event(
                int(records["t_ns"][index]),
                wording.what(records[index]),
                wording.record(history, index),
                0,
                rank=_PAGE,
            )


def _marked(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events; if none is wrong, the last answer or delivery completes the violation."""
    events = list(events)
    about = [at for at, event in enumerate(events) if event.what in _COMPLETING]
    last = about[-1] if about and not any(event.wrong for event in events) else -1
    for at, event in enumerate(events):
        yield replace(event, wrong=event.wrong or at == last)
