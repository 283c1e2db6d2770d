"""The evidence for a violation: what happened to its messages, record by record."""

from typing import Any

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

RECORDS_MAX = 24

_SENDERS = (Kind.OP, Kind.ATTEMPT, Kind.ACK, Kind.REJECT, Kind.UNKNOWN)
_EVENT_NAMES: dict[int, str] = {
    Kind.OP: "op",
    Kind.ATTEMPT: "attempt",
    Kind.ACK: "acked",
    Kind.REJECT: "rejected",
    Kind.UNKNOWN: "unknown",
    Kind.DELIVER: "presented",
    Kind.RECEIVE: "copy dropped",
    Kind.AUDIT: "audit",
    Kind.STRAY: "received by a stranger",
}


def evidence_of(history: History, witness: Witness) -> dict[str, Any]:
    """Return a witness for result.json: its sentence, and its messages with their records."""
    return {
        "sentence": witness.sentence,
        "messages": [_message(history, message, witness.user) for message in witness.messages],
    }


def _message(history: History, message: int, user: int) -> dict[str, Any]:
    """Return a message with at most RECORDS_MAX records, sorted by time.

    The records of the sender, of the audit and of the user who saw the violation come first.
    """
    messages = history.messages
    at = np.flatnonzero(messages.of_record == message)
    kinds, receivers = history.records["kind"][at], history.user[at]
    preferred = np.isin(kinds, (*_SENDERS, Kind.AUDIT)) | (receivers == user)
    chosen = np.sort(np.concatenate([at[preferred], at[~preferred]])[:RECORDS_MAX])
    return {
        "conv": history.conv_of(message),
        "sender": history.names.user(int(messages.author[message])),
        "sseq": int(messages.sseq[message]),
        "position": int(messages.position[message]),
        "omitted": int(at.size - chosen.size),
        "records": [_record(history, int(index)) for index in chosen],
    }


def _record(history: History, index: int) -> dict[str, Any]:
    record = history.records[index]
    kind, flags = int(record["kind"]), int(record["flags"])
    row: dict[str, Any] = {
        "at_s": history.events.at_s(int(record["t_ns"])),
        "event": _EVENT_NAMES[kind],
        "position": int(record["seq"]),
    }
    connection = history.names.connections.get(int(record["link"]))
    if connection is not None:
        row |= {
            "user": history.names.user(connection.user),
            "link": f"{connection.device} #{connection.incarnation}",
            "edge": connection.edge,
        }
    if kind in (Kind.DELIVER, Kind.RECEIVE, Kind.STRAY):
        row["channel"] = Channel(flags & CHANNEL_BITS).name.lower()
    if kind in _SENDERS and kind != Kind.OP:
        row["attempts"] = int(record["spare"])
    if flags & Flag.CRC_BAD:
        row["mark"] = "wrong checksum"
    return row
