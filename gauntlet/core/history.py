"""The history: what every client did and observed, in fixed records of 40 bytes.

A shard is a sequence of little-endian records without a header. The meaning of the fields depends
on `kind`:

| kind | link | peer | sseq | seq | t_ns | ref_ns | spare |
|---|---|---|---|---|---|---|---|
| OP | sender's | author | op's | – | handed to the session | intended | – |
| ATTEMPT | sender's | author | op's | – | sent | intended | number, from 1 |
| ACK REJECT UNKNOWN | sender's | author | op's | position, or 0 | outcome | intended | attempts |
| DELIVER | receiver's | author | op's | position | presented | intended | age of its time stamp |
| RECEIVE | receiver's | author | op's | position | duplicate dropped | intended | – |
| GAP | receiver's | – | last missing | first missing | announced, or missed | – | – |
| CONNECT | new link | user | – | – | `connected` received | dial started | – |
| DISCONNECT | ended link | user | ClosedBy | – | noticed | – | close code |
| OFFLINE | last link | user | – | – | disconnected on purpose | – | – |
| RANGE | – | user | last position, 0 = open | first position | received | – | – |
| ROOM | receiver's | subject | RoomEvent | position | presented | – | – |
| AUDIT | – | author | op's | position | read by the audit | intended | – |
| HEAD | – | – | – | head | read by the audit | – | – |
| PAGE | receiver's, or – | entries | last position | after | received | requested | PageFlag |
| ATTEND | user's | user | RoomEvent | – | enter or exit requested | – | – |
| STRAY | receiver's | author | op's | position | arrived | intended | – |
| PROBE | stranger's | message, or 0 | Probe | obtained | answered | requested | ProbeResult |
| NAMED | sender's, or – | author | op's | position | received | digest of the id | NamedFlag |
| STAMP | sender's, or – | author | op's | position | received | time stamp | StampFlag |
| MEMBERSHIP | requester's | subject | RoomEvent | position | answered | requested | ProbeResult |
| ARRIVED | receiver's | author | op's | position | arrived | intended | positions before it |
| START | receiver's | – | – | last position before it | `connected` received | dial started | – |
| ATTENDANCE | requester's | subject | Attendance | – | answered | requested | – |
| CONTACT | – | account | other account | Contact | answered | requested | ProbeResult |
| CONTACT_LIST | – | account | other account | Relation | answered | requested | – |
| STICKER | – | account | message | digest | answered | requested | ProbeResult, or 0 |
| MISSED | – | author, or 0 | op's, or 0 | – | missed | intended | Miss |

`t_ns` and `ref_ns` are readings of `clock.now_ns`. `peer` is the number of a user and `conv` that
of a conversation; `links.jsonl` maps both to names. A RANGE is an interval of positions that the
user is entitled to receive. A PAGE covers the positions beyond `after` up to its last position: the
head that it reports if it is the last page, otherwise its last entry. The pages that the audit
reads have no link. A load also reads pages that it shows no user: these are LISTED, and a RECEIVE
record with Channel.HISTORY follows for each of their messages. A list of last positions is recorded
as pages without entries (HEADS). MISSED is an arrival that did not become an op. A room event that
the audit reads from storage is an AUDIT record with the flag ROOM_EVENT and its subject in `peer`.
A message of another run (DELIVER, RECEIVE or AUDIT) has the flag LEFTOVER; its `sseq` and `ref_ns`
are those of that run. A STRAY is a push of a conversation of which the receiver is no member; its
`conv` is the one that the body names (or 0) where the load has no conversation of that name, and
then it has the flag FOREIGN. A PROBE is a request of a user for a conversation of others; its
`peer` is the number of the message that it sent, at least STRANGER_SSEQ, which no op has. A NAMED
record is what an acknowledgement, or with Channel.AUDIT the store, calls a message: its `ref_ns` is
no time but the digest of the id that the server assigned (`id_digest`), or 0. A STAMP is the time
stamp of the server that an acknowledgement, or with Channel.AUDIT the store, gives a message; its
`ref_ns` is that time on the clock of the worker. The stamp of a delivery is in its `spare`, as its
age when the message was presented (`stamp_age`). What a push or a page calls a message has records
only where they tell something new: a NAMED record (SHOWN) if the worker has not sent the message
itself, or knows another name of it, and a STAMP with StampFlag.DIFFERS if the worker knows another
time stamp of it; their link is the receiver's. A MEMBERSHIP is a request to add a user to a room or
to remove them from it. Its `spare` is UNKNOWN where the request was not answered: then it may take
effect at any later time. ARRIVED is a push that its inbox held back; it becomes a DELIVER or a ROOM
record when it is presented, or never. A push in order has no such record, because it is presented
in the moment of its arrival. Its `spare` is how many positions before it were missing,
`MISSING_MAX` for that number or more; 0 if it waited for the history. START is the last position of
a conversation that the server stated when it accepted a connection: pushes on that connection begin
behind it. A GAP is announced on its connection; with Channel.HISTORY, it is what a client still
looked for when the load ended. An ATTENDANCE record is what the system's list of who is in a room
says of one member. A CONTACT is what an account that takes no part in the load requested of another
one, and a CONTACT_LIST is where the lists of contacts of an account have the other one. The
requests of a pair of accounts follow one another: each was answered, or given up, before the next
one was made. A STICKER is a message with a sticker that such an account sent to the other one, and
which was listed at least 5 s before; with the result 0, it is what a page of history had under the
id of that message. Its digest is `sticker_digest`. These three kinds have no conversation.
"""

import struct
import zlib
from enum import IntEnum, IntFlag
from hashlib import blake2b
from typing import NamedTuple

RECORD = struct.Struct("<qqIIIIIBBH")
RECORD_BYTES = RECORD.size
FIELDS = ("t_ns", "ref_ns", "conv", "link", "peer", "sseq", "seq", "kind", "flags", "spare")
# The same layout for NumPy; a test compares the two.
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
STRANGER_SSEQ = 1 << 31  # numbers of messages that strangers send begin here
# How the age of a time stamp is recorded: its unit, the largest in units, and the value of no age.
# A record without a stamp has 0.
STAMP_AGE_UNIT_NS = 10_000_000
STAMP_AGE_MAX = (1 << 15) - 1
STAMP_AGE_ZERO = 1 << 15
# The largest number of missing positions that an ARRIVED record can state.
MISSING_MAX = (1 << 16) - 1
# In the manifest, the adapter of a history that another program recorded.
RECORDED = "recorded"


class Kind(IntEnum):
    """What a record describes; the table above gives the meaning of its fields."""

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
    STRAY = 19
    PROBE = 20
    NAMED = 21
    STAMP = 22
    MEMBERSHIP = 23
    ARRIVED = 24
    START = 25
    ATTENDANCE = 26
    CONTACT = 27
    CONTACT_LIST = 28
    STICKER = 29


class Channel(IntEnum):
    """The path by which an entry reached the client: the two low bits of `flags`."""

    LIVE = 0
    RESYNC = 1
    HISTORY = 2
    AUDIT = 3


class Flag(IntFlag):
    """The other bits of `flags`."""

    CRC_BAD = 4
    DUPLICATE = 8
    ROOM_EVENT = 16
    FOREIGN = 32  # the body was not sent by this load, or names another conversation or author
    LEFTOVER = 64  # another run sent it, and the accounts may be older than this run
    HANDED_OVER = 128  # of an ACK: the protocol has no acknowledgement; the message has left


class RoomEvent(IntEnum):
    """What happened to a member of a room: `sseq` of a ROOM or ATTEND record."""

    ADDED = 1
    REMOVED = 2
    ENTERED = 3
    EXITED = 4


class ClosedBy(IntEnum):
    """Who ended a connection: `sseq` of a DISCONNECT record. Older runs have 0 there."""

    CLIENT = 1
    SERVER = 2  # or the network, or a proxy: the client only noticed it


class Attendance(IntEnum):
    """Whether the list of who is in a room names a member: `sseq` of an ATTENDANCE record."""

    ABSENT = 1
    PRESENT = 2


class Miss(IntEnum):
    """Why an intended send was not made: `spare` of a MISSED record."""

    NO_SENDER = 1  # no conversation was ready, or every possible sender was offline
    QUEUE = 2  # the author's queue for this conversation was full (`load.queue_max`)
    BACKLOG = 3  # the worker had too many sends in progress (`load.backlog_max`)


class Probe(IntEnum):
    """What a user tried in a conversation of others: `sseq` of a PROBE record.

    An impostor acts as a member, whose connection the record has. Users who are blocked are
    accounts that take no part in the load: connection and conversation of the record say nothing.
    """

    HISTORY = 1
    MEMBERS = 2
    SEND = 3
    ENTER = 4
    HEAD = 5  # not requested: the server named the last position of a conversation of others
    IMPOSTOR = 6  # the history, as a member, with a login that the server has not issued
    IMPOSTOR_SEND = 7  # a message, likewise
    IMPOSTOR_CONNECT = 8  # a connection, likewise; its conversation says nothing
    BLOCKED_SEND = 9  # a direct message to a user who blocks its sender
    BLOCKED_REQUEST = 10  # a request for friendship to such a user


class ProbeResult(IntEnum):
    """How the server answered: `spare` of PROBE, MEMBERSHIP, CONTACT and STICKER."""

    REFUSED = 1
    GRANTED = 2
    UNKNOWN = 3  # no answer, a temporary failure, or a request that nothing answers


class Contact(IntEnum):
    """What an account requested of another one: `seq` of a CONTACT record."""

    REQUEST = 1  # a friendship, or the acceptance of the one that the other account requested
    END = 2  # of the friendship, or of a request by either account
    BLOCK = 3
    UNBLOCK = 4
    SEND = 5  # a direct message


class Relation(IntFlag):
    """Which lists of an account name the other one: `seq` of a CONTACT_LIST record."""

    FRIEND = 1
    INCOMING = 2
    OUTGOING = 4
    BLOCKED = 8
    UNRELATED = 16  # some list names an account with which this one has never had to do


class PageFlag(IntFlag):
    """What is known of a page of history: `spare` of a PAGE record. Older runs have none."""

    LAST = 1  # the page reached the head that it reports
    DISORDERED = 2  # its positions do not ascend
    EARLIER = 4  # it contains positions that the client has, as the request said
    LISTED = 8  # each of its entries has a record of the connection and the time of the page
    ENTRIES = 16  # the records of all its entries follow, in the order of the page
    OLDEST_FIRST = 32  # the first of these is the oldest one; without this flag, it may be the last
    OUTSIDE = 64  # its reader may not have been a member when it was requested and answered
    HEADS = 128  # no page: a list of last positions stated it


class NamedFlag(IntFlag):
    """What names something else than its own message: `spare` of a NAMED record."""

    OTHER_CONVERSATION = 1
    OTHER_MESSAGE = 2  # another `client_msg_id` than the one that was sent
    SHOWN = 4  # a push or a page names it, and no acknowledgement


class StampFlag(IntFlag):
    """What is known of a time stamp: `spare` of a STAMP record."""

    DIFFERS = 1  # it is not the one with which the worker has seen the message before
    SHOWN = 2  # a push or a page shows it, and no acknowledgement


USER_KINDS = frozenset({Kind.CONNECT, Kind.DISCONNECT, Kind.OFFLINE})


class Record(NamedTuple):
    """One unpacked record, for tests and evidence; NumPy reads shards in bulk."""

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
        """Return the 40 bytes of the record."""
        return RECORD.pack(*self)


def id_digest(server_id: str) -> int:
    """Return 63 bits that stand for the id of a message in a record; 0 for the empty id."""
    data = server_id.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") >> 1 if data else 0


def sticker_digest(sticker: str, body: str) -> int:
    """Return 32 bits that stand for a sticker and the text beside it, which is usually empty."""
    return zlib.crc32(f"{sticker}\n{body}".encode(errors="surrogatepass"))


def stamp_age(age_ns: int) -> int:
    """Return the age of a time stamp for a record; beyond 327 s, only its sign is kept."""
    age = min(max(age_ns // STAMP_AGE_UNIT_NS, -STAMP_AGE_MAX), STAMP_AGE_MAX)
    return STAMP_AGE_ZERO + age


def shard_name(worker: int, conv: int) -> str:
    """Return the name of the shard that holds all of a worker's records of a conversation.

    Therefore each shard can be judged by itself.
    """
    return f"w{worker}-g{conv % GROUPS_PER_WORKER}.bin"


def user_shard_name(worker: int) -> str:
    """Return the name of the shard that holds a worker's records about users (`USER_KINDS`)."""
    return f"w{worker}-users.bin"


def worker_of_shard(name: str) -> int:
    """Return the worker that wrote a shard; -1 if `name` is not the name of a shard."""
    worker, dash, _ = name.removeprefix("w").partition("-")
    return int(worker) if dash and worker.isdecimal() else -1
