"""The history: what every client did and saw, as fixed 40-byte records.

A shard is a plain sequence of records, little-endian; `kinds` say how the fields are read:

| kind | link | peer | sseq | seq | t_ns | ref_ns | spare |
|---|---|---|---|---|---|---|---|
| OP | sender's | author | op's | – | handed over | intended | – |
| ATTEMPT | sender's | author | op's | – | sent | intended | which, from 1 |
| ACK REJECT UNKNOWN | sender's | author | op's | position, or 0 | answered | intended | attempts |
| DELIVER | receiver's | author | op's | position | presented | intended | – |
| RECEIVE | receiver's | author | op's | position | dropped: a duplicate | intended | – |
| GAP | receiver's | – | last missing | first missing | announced | – | – |
| CONNECT | the new link | user | – | – | `connected` received | began to dial | – |
| DISCONNECT | the ended link | user | – | – | noticed | – | close code |
| OFFLINE | its last | user | – | – | went on purpose | – | – |
| RANGE | – | user | last position, 0 = open | first position | learnt | – | – |
| ROOM | receiver's | subject | RoomEvent | position | presented | – | – |
| AUDIT | – | author | op's | position | read at the end | intended | – |
| HEAD | – | – | – | head | read at the end | – | – |
| PAGE | receiver's | entries in it | head | after | arrived | asked | – |
| ATTEND | own | user | RoomEvent | – | asked to enter or exit | – | – |
| MISSED | – | author, or 0 | op's, or 0 | – | missed | intended | Miss |

`peer` is a user's number and `conv` a conversation's; `links.jsonl` names both.
A MISSED is an arrival that became no op.
A room event stored in the history appears as AUDIT with the flag ROOM_EVENT, its subject in `peer`.
"""

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple

RECORD = struct.Struct("<qqIIIIIBBH")
RECORD_BYTES = RECORD.size
FIELDS = ("t_ns", "ref_ns", "conv", "link", "peer", "sseq", "seq", "kind", "flags", "spare")
# NumPy's spelling of the same layout, kept beside it so that a test can hold the two together.
DTYPE = [
    ("t_ns", "<i8"),
    ("ref_ns", "<i8"),
    ("conv", "<u4"),
    ("link", "<u4"),
    ("peer", "<u4"),
    ("sseq", "<u4"),
    ("seq", "<u4"),
    ("kind", "u1"),
    ("flags", "u1"),
    ("spare", "<u2"),
]
GROUPS_PER_WORKER = 4


class Kind(IntEnum):
    """What a record tells; see the table above for how its fields are read."""

    OP = 1
    ATTEMPT = 2
    ACK = 3
    REJECT = 4
    UNKNOWN = 5
    DELIVER = 6
    RECEIVE = 7
    GAP = 8
    CONNECT = 9
    DISCONNECT = 10
    OFFLINE = 11
    RANGE = 12
    ROOM = 13
    AUDIT = 14
    HEAD = 15
    PAGE = 16
    MISSED = 17
    ATTEND = 18


class Channel(IntEnum):
    """How a delivery reached the client: the low two bits of `flags`."""

    LIVE = 0
    RESYNC = 1
    HISTORY = 2
    AUDIT = 3


class Flag(IntFlag):
    """The other bits of `flags`."""

    CRC_BAD = 4
    DUPLICATE = 8
    ROOM_EVENT = 16
    FOREIGN = 32  # the body is not one of ours, or names another conversation or author


class RoomEvent(IntEnum):
    """`sseq` of a ROOM record."""

    ADDED = 1
    REMOVED = 2
    ENTERED = 3
    EXITED = 4


class Miss(IntEnum):
    """`spare` of a MISSED record: why an intended send was not made."""

    NOBODY = 1  # no conversation was ready, or all users who might send were away
    QUEUE = 2  # as many sends as allowed waited in the author's queue of the conversation
    BACKLOG = 3  # as many sends as allowed were under way at the whole worker


USER_KINDS = frozenset({Kind.CONNECT, Kind.DISCONNECT, Kind.OFFLINE})


class Record(NamedTuple):
    """One record, unpacked: for tests and evidence, not for bulk reading."""

    t_ns: int
    ref_ns: int = 0
    conv: int = 0
    link: int = 0
    peer: int = 0
    sseq: int = 0
    seq: int = 0
    kind: int = Kind.OP
    flags: int = 0
    spare: int = 0

    def pack(self) -> bytes:
        """Forty bytes."""
        return RECORD.pack(*self)


def shard_name(worker: int, conv: int) -> str:
    """The shard of a conversation's records, so that each conversation can be judged alone."""
    return f"w{worker}-g{conv % GROUPS_PER_WORKER}.bin"


def user_shard_name(worker: int) -> str:
    """The shard of a worker's user-scoped records (`USER_KINDS`)."""
    return f"w{worker}-users.bin"


def worker_of_shard(name: str) -> int:
    """Whose shard it is; -1 where that is no name of a shard."""
    worker, dash, _ = name.removeprefix("w").partition("-")
    return int(worker) if dash and worker.isdecimal() else -1
