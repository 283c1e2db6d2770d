"""What the reference server sends: the frames and the JSON bodies of `im.v1`, as they are decoded.

They are not compiled with the codec, because msgspec creates them.
"""

import msgspec


class Connected(msgspec.Struct):
    """The server has accepted the user."""

    client: str
    ping_ms: int
    pong_ms: int
    heads: dict[str, int] = {}


class Msg(msgspec.Struct):
    """A message."""

    conv: str
    seq: int
    client_msg_id: str
    sender: str
    body: str
    msg_id: str = ""
    ts: int = 0
    sticker: str = ""


class Room(msgspec.Struct):
    """A room event."""

    conv: str
    seq: int
    event: str
    user: str


class Gap(msgspec.Struct):
    """Positions that are not pushed."""

    conv: str
    from_: int = msgspec.field(name="from")
    to: int


class Reconnect(msgspec.Struct):
    """A request to connect to another address."""

    url: str
    delay_ms: int = 0
    deadline_ms: int = 0


class Heads(msgspec.Struct):
    """The content of a heartbeat, and of the frames that precede `connected`."""

    heads: dict[str, int] = {}


class Refusal(msgspec.Struct):
    """Why something was refused."""

    code: str
    message: str = ""
    temporary: bool = False
    stored: str = "unknown"


class Frame(msgspec.Struct):
    """A frame has exactly one of these fields."""

    msg: Msg | None = None
    room: Room | None = None
    gap: Gap | None = None
    ping: Heads | None = None
    pong: Heads | None = None
    heads: Heads | None = None
    connected: Connected | None = None
    reconnect: Reconnect | None = None
    error: Refusal | None = None


class HeadsPage(msgspec.Struct):
    """A page of the list of heads; `next` is where the next one begins, empty on the last one."""

    heads: dict[str, int]
    next: str = ""


class Connect(msgspec.Struct):
    """Where to connect."""

    url: str


class Session(msgspec.Struct):
    """The answer to a login."""

    token: str
    connect: Connect
    expires_in_s: int = 0


class Position(msgspec.Struct):
    """The answer to a change of a room."""

    seq: int


class Acknowledgement(msgspec.Struct):
    """The answer to a send."""

    seq: int
    conv: str = ""
    client_msg_id: str = ""
    msg_id: str = ""
    ts: int = 0


class HistoryEntry(msgspec.Struct):
    """A message or a room event in the history."""

    type: str
    seq: int
    client_msg_id: str = ""
    sender: str = ""
    body: str = ""
    event: str = ""
    user: str = ""
    msg_id: str = ""
    ts: int = 0
    sticker: str = ""


class History(msgspec.Struct):
    """A page of the history."""

    messages: list[HistoryEntry]
    head: int
    more: bool = False  # the page ended before its limit, because its messages are large


class Member(msgspec.Struct):
    """From which position a member may read."""

    from_: int = msgspec.field(name="from")


class Members(msgspec.Struct):
    """The members of a room by name."""

    members: dict[str, Member]


class Attendance(msgspec.Struct):
    """The names of those who are in a room."""

    present: list[str]


class Friends(msgspec.Struct):
    """The names of the users with whom the caller has to do."""

    friends: list[str]
    incoming: list[str]
    outgoing: list[str]
    blocked: list[str]


class Stickers(msgspec.Struct):
    """The names of the stickers of each pack."""

    packs: dict[str, list[str]]


class Error(msgspec.Struct):
    """The body of any other answer."""

    error: Refusal
