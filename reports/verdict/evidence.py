"""The life of the messages behind a violation, told by their records."""

from typing import Any

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

RECORDS_MAX = 24

_SENDERS = (Kind.OP, Kind.ATTEMPT, Kind.ACK, Kind.REJECT, Kind.UNKNOWN)
_WORDS: dict[int, str] = {
    Kind.OP: "op",
    Kind.ATTEMPT: "attempt",
    Kind.ACK: "acked",
    Kind.REJECT: "rejected",
    Kind.UNKNOWN: "unknown",
    Kind.DELIVER: "presented",
    Kind.RECEIVE: "copy dropped",
    Kind.AUDIT: "audit",
}


def tell(history: History, witness: Witness) -> dict[str, Any]:
    """A witness as data: its sentence, and its messages with what happened to each in order."""
    return {
        "sentence": witness.sentence,
        "messages": [_life(history, message, witness.user) for message in witness.messages],
    }


def _life(history: History, message: int, user: int) -> dict[str, Any]:
    """The sender's records, the audit's, and the receiver's first; others as far as room allows."""
    known = history.messages
    at = np.flatnonzero(known.of_record == message)
    kinds, receivers = history.records["kind"][at], history.user[at]
    foremost = np.isin(kinds, (*_SENDERS, Kind.AUDIT)) | (receivers == user)
    chosen = np.sort(np.concatenate([at[foremost], at[~foremost]])[:RECORDS_MAX])
    return {
        "conv": history.conv_of(message),
        "sender": history.names.user(int(known.author[message])),
        "sseq": int(known.sseq[message]),
        "position": int(known.position[message]),
        "omitted": int(at.size - chosen.size),
        "records": [_record(history, int(index)) for index in chosen],
    }


def _record(history: History, index: int) -> dict[str, Any]:
    record = history.records[index]
    kind, flags = int(record["kind"]), int(record["flags"])
    row: dict[str, Any] = {
        "at_s": history.events.at_s(int(record["t_ns"])),
        "event": _WORDS[kind],
        "position": int(record["seq"]),
    }
    link = history.names.links.get(int(record["link"]))
    if link is not None:
        row |= {
            "user": history.names.user(link.user),
            "link": f"{link.device} #{link.incarnation}",
            "edge": link.edge,
        }
    if kind in (Kind.DELIVER, Kind.RECEIVE):
        row["channel"] = Channel(flags & CHANNEL_BITS).name.lower()
    if kind in _SENDERS and kind != Kind.OP:
        row["attempts"] = int(record["spare"])
    if flags & Flag.CRC_BAD:
        row["mark"] = "checksum fails"
    return row
