"""The evidence for a violation: its slice of the history, and its messages record by record."""

from dataclasses import replace
from typing import Any

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.checks.finding import Outcome, Verdict, Witness
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History
from gauntlet.reports.trails import where_lost
from gauntlet.reports.trails.reading import Trails
from gauntlet.reports.witness import moments, slicing, wording

RECORDS_MAX = 24
SLICES_MAX = 3  # for each check

_SENDERS = (Kind.OP, Kind.ATTEMPT, Kind.ACK, Kind.REJECT, Kind.UNKNOWN)
_EVENT_NAMES: dict[int, str] = {
    Kind.OP: "op",
    Kind.ATTEMPT: "attempt",
    Kind.ACK: "acked",
    Kind.REJECT: "rejected",
    Kind.UNKNOWN: "unknown",
    Kind.DELIVER: "presented",
    Kind.RECEIVE: "copy dropped",
    Kind.ARRIVED: "arrived, held back",
    Kind.AUDIT: "audit",
    Kind.STRAY: "received by a stranger",
    Kind.NAMED: "named",
    Kind.STAMP: "stamped",
}


def evidence_of(
    history: History, verdict: Verdict, trails: Trails | None = None
) -> list[dict[str, Any]]:
    """Return the witnesses of a check for result.json; the first ones have a slice."""
    return [
        _witness(history, witness)
        | _where_lost(history, trails, verdict.check, witness)
        | (_slice(history, witness) if at < SLICES_MAX else {})
        for at, witness in enumerate(verdict.witnesses)
    ]


def with_moments(history: History, verdict: Verdict) -> Verdict:
    """Return a verdict whose sentence also states when the violations happened."""
    if verdict.outcome is not Outcome.INVALID or verdict.times_ns is None:
        return verdict
    when = moments.describe(history.events, verdict.times_ns, verdict.happened)
    return replace(verdict, sentence=f"{verdict.sentence} {when}".rstrip())


def _witness(history: History, witness: Witness) -> dict[str, Any]:
    """Return a witness: its sentence, its time, and its messages with their records."""
    at_ns = slicing.moment_of(history, witness)
    known = at_ns != NEVER
    return {
        "sentence": witness.sentence,
        "at_s": history.events.at_s(at_ns) if known else None,
        "faults": moments.acting(history.events, at_ns) if known else [],
        "messages": [_message(history, message, witness) for message in witness.messages],
    }


def _where_lost(
    history: History, trails: Trails | None, check: str, witness: Witness
) -> dict[str, Any]:
    """Return where the message of a witness was lost, if the server left trails."""
    if trails is None or not (witness.absent and witness.messages):
        return {}
    if check == "lost-acked":
        found = where_lost.of_missing(history, trails, witness.messages[0])
    elif check == "undelivered" and witness.session >= 0:
        found = where_lost.of_undelivered(history, trails, witness.messages[0], witness.session)
    else:
        return {}
    return {"where_lost": found.to_builtins()}


def _slice(history: History, witness: Witness) -> dict[str, Any]:
    """Return the slice of a witness, if there are events that show it."""
    found = slicing.cut(history, witness)
    if not found.events:
        return {}
    events = [
        {
            "at_s": history.events.at_s(event.t_ns),
            "event": event.what,
            "client": event.client if event.client >= 0 else None,
            "text": event.text,
            "message": history.title(event.message) if event.message >= 0 else None,
            "position": event.position,
            "wrong": event.wrong,
        }
        for event in found.events
    ]
    return {"slice": {"clients": found.clients, "events": events, "omitted": found.omitted}}


def _message(history: History, message: int, witness: Witness) -> dict[str, Any]:
    """Return a message with at most RECORDS_MAX records, sorted by time.

    The records of the sender, of the audit and of the user who saw the violation come first.
    """
    messages = history.messages
    at = slicing.of_message(history, message, np.array(witness.records, dtype=np.int64))
    kinds, receivers = history.records["kind"][at], history.user[at]
    preferred = np.isin(kinds, (*_SENDERS, Kind.AUDIT)) | (receivers == witness.user)
    chosen = np.sort(np.concatenate([at[preferred], at[~preferred]])[:RECORDS_MAX])
    number = int(messages.sseq[message])
    name = history.names.message(number)
    return {
        **({"id": name} if name != str(number) else {}),
        "conv": history.conv_of(message),
        "sender": history.names.user(int(messages.author[message])),
        "sseq": number,
        "position": int(messages.position[message]),
        "omitted": int(at.size - chosen.size),
        "records": [_record(history, int(index)) for index in chosen],
    }


def _record(history: History, index: int) -> dict[str, Any]:
    record = history.records[index]
    kind, flags = int(record["kind"]), int(record["flags"])
    row: dict[str, Any] = {
        "at_s": history.events.at_s(int(record["t_ns"])),
        "event": _EVENT_NAMES.get(kind, wording.what(record)),
        "position": int(record["seq"]),
    }
    connection = history.names.connections.get(int(record["link"]))
    if connection is not None:
        row |= {
            "user": history.names.user(connection.user),
            "link": f"{connection.device} #{connection.incarnation}",
            "edge": connection.edge,
        }
    if kind in (Kind.DELIVER, Kind.RECEIVE, Kind.ARRIVED, Kind.STRAY):
        row["channel"] = Channel(flags & CHANNEL_BITS).name.lower()
    if kind in _SENDERS and kind != Kind.OP:
        row["attempts"] = int(record["spare"])
    if flags & Flag.CRC_BAD:
        row["mark"] = "wrong checksum"
    return row
