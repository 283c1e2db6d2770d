"""The lines of a history in JSON Lines, one struct for each kind.

`docs/reference/histories.md` describes them. A key that a kind does not have is an error, so that a
misspelt key does not silently weaken the verdict; `note` is free for anything.
"""

from typing import Any, Literal

import msgspec

from gauntlet.core.scenario.traits import Retention, Traits

Id = str | int
Time = int | float | str
ChannelName = Literal["live", "resync", "history"]
Outcome = Literal["acked", "rejected", "unknown", "untried", "ok", "fail", "info"]


class Line(msgspec.Struct, tag_field="kind", forbid_unknown_fields=True, kw_only=True):
    """The base of all lines."""

    note: Any = None


class _StatedRetention(Retention, frozen=True, forbid_unknown_fields=True):
    """What a system keeps, without any other key."""


class StatedTraits(Traits, frozen=True, forbid_unknown_fields=True):
    """The traits of a system, without any other key."""

    retention: _StatedRetention | None = None


class Header(Line, tag="header"):
    """What holds for the whole file; it can only be the first line."""

    format: Literal["gauntlet-history"] = "gauntlet-history"
    version: Literal[1] = 1
    time: Literal["s", "ms", "us", "ns", "rfc3339"] | None = None
    name: str = "history"
    about: str = ""
    system: str = ""
    capabilities: list[str] = []
    traits: StatedTraits = StatedTraits()
    clock_error: float = 0.0  # seconds, between any two clocks of the file
    delivery_deadline: float = 60.0  # seconds
    recovery_window: float = 20.0  # seconds
    require: list[str] | None = None
    unjudged: dict[str, str] = {}


class Message(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A message in a page, and what is known of it there."""

    message: Id | None
    position: int | None = None
    sender: Id | None = None
    body: str | None = None
    corrupt: bool = False
    foreign: bool = False
    leftover: bool = False


class _OnDevice(Line, kw_only=True):
    time: Time
    user: Id
    device: Id | None = None
    connection: Id | None = None


class _Copy(_OnDevice, kw_only=True):
    conversation: Id
    message: Id | None
    position: int | None = None
    sender: Id | None = None
    body: str | None = None
    channel: ChannelName = "live"
    corrupt: bool = False
    foreign: bool = False
    leftover: bool = False


class Send(_OnDevice, tag="send", kw_only=True):
    """A user sent a message, or sent it again."""

    conversation: Id
    message: Id
    completed: Time | None = None
    outcome: Outcome | None = None
    position: int | None = None
    intended: Time | None = None
    handed: Time | None = None
    body: str | None = None


class _End(Line, kw_only=True):
    time: Time
    conversation: Id
    message: Id
    user: Id | None = None


class Ack(_End, tag="ack", kw_only=True):
    """The system answered that a message is stored (or only took it over: `handed_over`)."""

    position: int | None = None
    handed_over: bool = False


class Reject(_End, tag="reject"):
    """The system refused a message, which is certainly not stored."""


class GiveUp(_End, tag="unknown"):
    """The sender gave up without an answer."""


class Deliver(_Copy, tag="deliver"):
    """A device showed a message to its user."""


class Copy(_Copy, tag="copy", kw_only=True):
    """A device received a message that it did not show, because it has it already."""

    late: bool = False  # it was dropped because a later position had been shown


class Arrive(_Copy, tag="arrive", kw_only=True):
    """A device received a message that it does not show before others; `deliver` may follow."""

    missing: int = 0  # how many positions before it had not come


class Read(Line, tag="read", kw_only=True):
    """A page of history: the messages that a read returned, in their order."""

    time: Time
    conversation: Id
    messages: list[Id | Message]
    user: Id | None = None
    device: Id | None = None
    connection: Id | None = None
    requested: Time | None = None
    complete: bool = False
    after: int | None = None
    head: int | None = None


class Page(Line, tag="page", kw_only=True):
    """A page of history of which only the claims are known, not the entries."""

    time: Time
    conversation: Id
    entries: int
    after: int
    through: int
    user: Id | None = None
    device: Id | None = None
    connection: Id | None = None
    requested: Time | None = None
    complete: bool = False
    disordered: bool = False
    earlier: bool = False
    listed: bool = False  # lines with the same time show all of its entries
    in_order: bool = False  # the lines behind it are its entries, in their order
    oldest_first: bool = False  # the first of these is the oldest one
    outside: bool = False  # its reader may not have been a member then
    only_head: bool = False  # a list of last positions stated it, and nothing was read


class Stored(Line, tag="stored", kw_only=True):
    """A message is in the system's store at the end."""

    time: Time
    conversation: Id
    message: Id | None
    position: int | None = None
    sender: Id | None = None
    body: str | None = None
    corrupt: bool = False
    foreign: bool = False
    leftover: bool = False


class Audited(Line, tag="audited", kw_only=True):
    """The `stored` lines of a conversation are complete."""

    time: Time
    conversation: Id
    head: int | None = None


class Member(Line, tag="member", kw_only=True):
    """A user may read a conversation, for some time or some positions."""

    user: Id
    conversation: Id
    time: Time | None = None
    until: Time | None = None
    first: int | None = None
    last: int | None = None
    unsure: bool = False


class Event(Line, tag="event", kw_only=True):
    """An entry that is no message has a position: a change of members, which a device received."""

    time: Time
    conversation: Id
    position: int
    event: Literal["added", "removed", "entered", "exited"]
    subject: Id
    user: Id | None = None  # without a user: it is in the store
    device: Id | None = None
    connection: Id | None = None
    channel: ChannelName = "live"
    copy: bool = False
    missing: int | None = None  # it is held back, because so many positions had not come


class Attendance(Line, tag="attendance", kw_only=True):
    """The system's list of who is in a room names a member, or does not."""

    time: Time
    conversation: Id
    subject: Id
    present: bool
    requested: Time | None = None
    user: Id | None = None  # who read the list
    device: Id | None = None
    connection: Id | None = None


class Attempt(Line, tag="attempt", kw_only=True):
    """A user tried to use a conversation of which they are no member."""

    time: Time
    conversation: Id
    tried: Literal[
        "history", "members", "send", "enter", "head", "impostor", "impostor_send",
        "impostor_connect", "blocked_send", "blocked_request",
    ]  # fmt: skip
    outcome: Literal["refused", "granted", "unknown"]
    requested: Time | None = None
    message: Id | None = None  # what they tried to send
    obtained: int = 0  # how many entries or members they were given, or which head
    user: Id | None = None
    device: Id | None = None
    connection: Id | None = None


class Contact(Line, tag="contact", kw_only=True):
    """An account that sends no message of the load did something to another one."""

    time: Time
    account: Id
    other: Id
    did: Literal["request", "end", "block", "unblock", "send"]
    outcome: Literal["refused", "granted", "unknown"]
    requested: Time | None = None


class ContactList(Line, tag="contact_list", kw_only=True):
    """Where the lists of contacts of an account have another one."""

    time: Time
    account: Id
    other: Id
    lists: list[Literal["friend", "incoming", "outgoing", "blocked", "unrelated"]]
    requested: Time | None = None


class Sticker(Line, tag="sticker", kw_only=True):
    """An account sent a sticker, or without `outcome`: the history has this in its place."""

    time: Time
    account: Id
    message: Id
    sticker: str
    outcome: Literal["refused", "granted", "unknown"] | None = None
    requested: Time | None = None


class Gap(_OnDevice, tag="gap", kw_only=True):
    """The system announced that it left out positions."""

    conversation: Id
    first: int
    last: int


class Connect(_OnDevice, tag="connect", kw_only=True):
    """A device connected."""

    dialled: Time | None = None
    server: str = ""


class Disconnect(_OnDevice, tag="disconnect", kw_only=True):
    """A device noticed the end of its connection."""

    code: int = 0
    closed_by: Literal["", "client", "server"] = ""


class Away(_OnDevice, tag="away"):
    """A user went away on purpose."""


class Fault(Line, tag="fault", kw_only=True):
    """A disturbance, from `time` until `until`."""

    time: Time
    fault: str
    until: Time | None = None
    type: str = "observed"
    target: str = ""
    requested: Time | None = None
    proof: dict[str, Any] | None = None
    recover_within: float | None = None


class Phase(Line, tag="phase", kw_only=True):
    """A phase of the load began."""

    time: Time
    phase: Literal["ramp", "steady", "quiesce", "audit", "flushed"]


KINDS: tuple[type[Line], ...] = (
    Header, Send, Ack, Reject, GiveUp, Deliver, Copy, Arrive, Read, Page, Stored, Audited, Member,
    Event, Attendance, Attempt, Contact, ContactList, Sticker, Gap, Connect, Disconnect, Away,
    Fault, Phase,
)  # fmt: skip
AnyLine = (
    Header | Send | Ack | Reject | GiveUp | Deliver | Copy | Arrive | Read | Page | Stored | Audited
    | Member | Event | Attendance | Attempt | Contact | ContactList | Sticker | Gap | Connect
    | Disconnect | Away | Fault | Phase
)  # fmt: skip
KEYS: dict[str, tuple[str, ...]] = {
    str(kind.__struct_config__.tag): kind.__struct_encode_fields__ for kind in KINDS
}
