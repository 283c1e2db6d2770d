"""The life of one message: its attempts, its outcome, and where it did and did not arrive."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.checks._held_pushes import waits_for
from gauntlet.reports.history.arrays import NEVER, Ints
from gauntlet.reports.history.deliveries import CHANNEL_BITS, ExpectedDeliveries
from gauntlet.reports.history.history import History
from gauntlet.reports.trails import where_lost
from gauntlet.reports.trails.reading import Trails
from gauntlet.reports.trails.where_lost import WhereLost
from gauntlet.reports.witness import wording
from gauntlet.reports.witness.moments import spans

_OUTCOMES = {Kind.ACK: "acknowledged", Kind.REJECT: "refused", Kind.UNKNOWN: "no answer"}
_RECEIVED = (Kind.DELIVER, Kind.RECEIVE, Kind.ARRIVED)


def life_of(history: History, message: int, trails: Trails | None = None) -> dict[str, Any]:
    """Return the life of a message for JSON; times are seconds of the timeline.

    See `docs/reference/cli.md`.
    """
    messages = history.messages
    at = np.flatnonzero(messages.of_record == message)
    receivers = list(_receivers(history, message, at, trails))
    audit = _audit(history, message, at)
    return {
        "message": history.title(message),
        "conv": history.conv_of(message),
        "sender": history.names.user(int(messages.author[message])),
        "sseq": int(messages.sseq[message]),
        "position": int(messages.position[message]),
        "intended_at_s": history.events.at_s(int(messages.intended_ns[message])),
        "sending": list(_sending(history, at)),
        "receivers": receivers,
        "pages": list(_pages(history, message)),
        "audit": audit,
        "faults": list(_faults(history, message, _last_ns(history, at, receivers))),
        "fate": _fate(history, message, receivers, audit),
        **_where_lost(where_lost.find(history, trails, message) if trails else None),
    }


def _where_lost(found: WhereLost | None) -> dict[str, Any]:
    return {"where_lost": found.to_builtins()} if found else {}


def _sending(history: History, at: Ints) -> Iterator[dict[str, Any]]:
    """Yield the attempts and outcomes, with the connection from which they were made."""
    for index in at.tolist():
        record = history.records[index]
        kind = int(record["kind"])
        if kind != Kind.ATTEMPT and kind not in _OUTCOMES:
            continue
        yield {
            "at_s": history.events.at_s(int(record["t_ns"])),
            "event": "attempt" if kind == Kind.ATTEMPT else _OUTCOMES[Kind(kind)],
            "attempt": int(record["spare"]),
            "position": int(record["seq"]),
            **_connection(history, int(record["link"])),
        }


def _connection(history: History, link: int) -> dict[str, Any]:
    connection = history.names.connections.get(link)
    if connection is None:
        return {"connection": None, "edge": None}
    return {"connection": connection.incarnation, "edge": connection.edge}


def _receivers(
    history: History, message: int, at: Ints, trails: Trails | None
) -> Iterator[dict[str, Any]]:
    """Yield each session that received the message or had to, with every copy that arrived."""
    kinds = history.records["kind"][at]
    received = at[np.isin(kinds, _RECEIVED)]
    due = _due(history, message)
    sessions = dict.fromkeys([*due, *history.session[received].tolist()])
    for session in sessions:
        own = received[history.session[received] == session]
        presented = bool((history.records["kind"][own] == Kind.DELIVER).any())
        yield {
            "client": wording.client(history, session),
            "expected": session in due,
            "presented": presented,
            "copies": [_copy(history, int(index)) for index in own],
            **({} if presented else {"connections": _connections_of(history, message, session)}),
            **(
                _where_lost(where_lost.of_undelivered(history, trails, message, session))
                if trails and session in due and not presented and history.messages.stored[message]
                else {}
            ),
        }


def _due(history: History, message: int) -> list[int]:
    """Return the sessions that the message had to reach."""

    def of(expected: ExpectedDeliveries) -> list[int]:
        return [int(session) for session in expected.session[expected.message == message]]

    return [*of(history.expected), *of(history.expected_unanswered)]


def _copy(history: History, index: int) -> dict[str, Any]:
    record = history.records[index]
    flags = int(record["flags"])
    return {
        "at_s": history.events.at_s(int(record["t_ns"])),
        "channel": Channel(flags & CHANNEL_BITS).name.lower(),
        "position": int(record["seq"]),
        "dropped": int(record["kind"]) == Kind.RECEIVE,
        "held": waits_for(record) if record["kind"] == Kind.ARRIVED else "",
        "corrupt": bool(flags & Flag.CRC_BAD),
        **_connection(history, int(record["link"])),
    }


def _connections_of(history: History, message: int, session: int) -> list[dict[str, Any]]:
    """Return the connections of a session after the first attempt at a message."""
    known, first_ns = history.sessions.connections, _first_ns(history, message)
    own = np.flatnonzero((known.session == session) & (known.down_ns > first_ns))
    return [
        {
            **_connection(history, int(known.link[at])),
            "from_s": history.events.at_s(int(known.up_ns[at])),
            "to_s": _at_s(history, int(known.down_ns[at])),
        }
        for at in own
    ]


def _pages(history: History, message: int) -> Iterator[dict[str, Any]]:
    """Yield the pages that cover the position of a message, and whether their reader has it.

    A client does not record what it had already, so that a page may contain it without a record.
    """
    records, messages = history.records, history.messages
    position, conv = int(messages.position[message]), messages.conv[message]
    if position == 0:
        return
    covering = (records["kind"] == Kind.PAGE) & (records["conv"] == conv)
    covering &= (records["seq"] < position) & (records["sseq"] >= position)
    of_message = history.messages.of_record == message
    for index in np.flatnonzero(covering).tolist():
        record = records[index]
        by_audit = record["link"] == 0
        kinds = (Kind.AUDIT,) if by_audit else _RECEIVED
        seen = of_message & np.isin(records["kind"], kinds)
        if not by_audit:
            seen &= history.user == history.user[index]
        first_ns = int(records["t_ns"][seen].min()) if seen.any() else NEVER
        had = not by_audit and first_ns < record["t_ns"]
        yield {
            "at_s": history.events.at_s(int(record["t_ns"])),
            "reader": "the audit"
            if by_audit
            else wording.client(history, int(history.session[index])),
            "after": int(record["seq"]),
            "last": int(record["sseq"]),
            "entries": int(record["peer"]),
            "state": "had-it" if had else "missing" if first_ns == NEVER else "received",
        }


def _audit(history: History, message: int, at: Ints) -> dict[str, Any]:
    """Return the positions at which the audit found the message, and the head that it reached."""
    records = history.records
    found = at[records["kind"][at] == Kind.AUDIT]
    heads = records[
        (records["kind"] == Kind.HEAD) & (records["conv"] == history.messages.conv[message])
    ]
    return {
        "copies": int(found.size),
        "positions": [int(seq) for seq in records["seq"][found]],
        "head": int(heads["seq"][0]) if heads.size else None,
    }


def _last_ns(history: History, at: Ints, receivers: list[dict[str, Any]]) -> int:
    """Return when the last copy arrived; the end of the load if a receiver has none."""
    if any(each["expected"] and not each["presented"] for each in receivers):
        return history.events.phases.get("audit", NEVER)
    moving = at[history.records["kind"][at] != Kind.AUDIT]
    return int(history.records["t_ns"][moving].max()) if moving.size else 0


def _faults(history: History, message: int, last_ns: int) -> Iterator[dict[str, Any]]:
    """Yield the faults that acted between the first attempt at a message and `last_ns`."""
    for fault, begin, end in spans(history.events.faults):
        if begin <= last_ns and end >= _first_ns(history, message):
            yield {
                "id": fault.id,
                "kind": fault.kind,
                "target": fault.target,
                "from_s": history.events.at_s(begin),
                "to_s": _at_s(history, end),
            }


def _first_ns(history: History, message: int) -> int:
    first_ns = int(history.messages.first_attempt_ns[message])
    return int(history.messages.intended_ns[message]) if first_ns == NEVER else first_ns


def _at_s(history: History, t_ns: int) -> float | None:
    return None if t_ns == NEVER else history.events.at_s(t_ns)


def _fate(
    history: History, message: int, receivers: list[dict[str, Any]], audit: dict[str, Any]
) -> str:
    """Return how far the message came, in one sentence."""
    messages = history.messages
    unseen = [each for each in receivers if each["expected"] and not each["presented"]]
    held = [each["client"] for each in unseen if any(copy["held"] for copy in each["copies"])]
    missing = [each["client"] for each in unseen if each["client"] not in held]
    if not messages.sent[message]:
        return "No user of this run sent it."
    if messages.untried[message]:
        return "It was never attempted."
    state = _state(history, message, audit)
    if held:
        state += f"; it arrived but was never shown to {_listed(held)}"
    if not missing:
        return f"{state}." if held else f"{state}; it reached every client that it had to reach."
    where = "between storage and client" if audit["copies"] else "on the way"
    return f"{state}; it was lost {where} for {_listed(missing)}."


def _state(history: History, message: int, audit: dict[str, Any]) -> str:
    """Return how a message was answered and whether it is stored, without a full stop."""
    acked = history.messages.acked[message]
    answer = "acknowledged" if acked else "refused"
    if not acked and not history.messages.rejected[message]:
        answer = "not answered"
    if audit["copies"]:
        return f"It was {answer} and is stored"
    if audit["head"] is None:
        return f"It was {answer}; its conversation was not audited"
    lost = ": it was lost after its acknowledgement, or its page omits it" if acked else ""
    return f"It was {answer}, and the audit does not find it{lost}"


def _listed(clients: list[str]) -> str:
    return ", ".join(clients[:5]) + (", and others" if len(clients) > 5 else "")
