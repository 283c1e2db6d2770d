"""What an adapter is: the codec of one IM system. It opens no socket and reads no clock.

An adapter turns intentions into requests and frames, and answers and frames into the types below.
`capabilities` says which parts of a chat system it has; a workload that needs more is refused.
"""

from typing import Literal, NamedTuple, Protocol

ROOMS = "rooms"  # conversations into which members are put, and which they enter and exit
HEADS = "heads"  # the server tells how far conversations have come
CAPABILITIES = frozenset({ROOMS, HEADS})


class Entry(NamedTuple):
    """One position of a conversation: a message, or a room event (`event` is set)."""

    conv: str
    seq: int
    sender: str = ""
    body: str = ""
    client_msg_id: str = ""
    event: str = ""
    user: str = ""


class Connected(NamedTuple):
    """The connection is up; pushes follow. `edge` names the node, `environment` its colour."""

    edge: str
    environment: str
    ping_ms: int
    pong_ms: int
    heads: dict[str, int]


class Gap(NamedTuple):
    """Positions `first..last` are not pushed on this connection."""

    conv: str
    first: int
    last: int


class Move(NamedTuple):
    """Connect to `url` after `delay_ms`, then close this connection."""

    url: str
    delay_ms: int
    deadline_ms: int


class Beat(NamedTuple):
    """A heartbeat; `wants_answer` where it is the server's ping."""

    wants_answer: bool
    heads: dict[str, int]


class Refused(NamedTuple):
    """The server says why it is about to close."""

    code: str
    message: str


Frame = Entry | Connected | Gap | Move | Beat | Refused


class Request(NamedTuple):
    """An HTTP request, without its address."""

    method: str
    path: str
    body: bytes = b""
    token: str = ""


class Response(NamedTuple):
    """An HTTP response. `retry_after_s` is 0 where the server names no wait."""

    status: int
    body: bytes
    retry_after_s: float = 0.0


class Login(NamedTuple):
    """A session: the token, and where to connect to now."""

    token: str
    url: str


class Sent(NamedTuple):
    """How one attempt to send ended.

    `stored` is yes (at position `seq`), no (nothing was left behind) or unknown;
    `temporary` says that it may be tried again.
    """

    stored: Literal["yes", "no", "unknown"]
    seq: int = 0
    temporary: bool = True
    retry_after_s: float = 0.0


class Page(NamedTuple):
    """A part of the history, ascending, and how far the conversation had come."""

    entries: list[Entry]
    head: int


class ProtocolError(Exception):
    """The server said something that the protocol does not have."""


class Adapter(Protocol):
    """A codec. Methods that read raise ProtocolError on what they cannot understand."""

    capabilities: frozenset[str]
    subprotocol: str

    def websocket_url(self, url: str) -> str:
        """The address to dial, from the one that a login or a Move named."""

    def connect(self, token: str, device: str, cursors: dict[str, int]) -> bytes:
        """The first frame of a connection."""

    def ack(self, conv: str, seq: int) -> bytes:
        """Everything up to `seq` was presented."""

    def enter(self, conv: str) -> bytes:
        """The session attends a room."""

    def ping(self) -> bytes:
        """The client's own heartbeat."""

    def pong(self) -> bytes:
        """Answers the server's heartbeat."""

    def read(self, frame: bytes) -> Frame:
        """What a frame says."""

    def login(self, user: str, device: str) -> Request:
        """Open a session."""

    def read_login(self, response: Response) -> Login:
        """The session; ProtocolError where it was refused."""

    def send(self, token: str, conv: str, client_msg_id: str, body: str) -> Request:
        """Send a message."""

    def read_send(self, response: Response) -> Sent:
        """How the attempt ended; never raises, for what is not understood is unknown."""

    def history(self, token: str, conv: str, after: int, limit: int) -> Request:
        """Read positions after `after`."""

    def read_history(self, conv: str, response: Response) -> Page:
        """A page; ProtocolError where it was refused."""

    def add_member(self, token: str, conv: str, user: str) -> Request:
        """Put a user into a room."""

    def read_position(self, response: Response) -> int:
        """The position of the event that a change of members caused; or ProtocolError."""

    def members(self, token: str, conv: str) -> Request:
        """Who is in a room."""

    def read_members(self, response: Response) -> dict[str, int]:
        """Every member with the first position he may read; ProtocolError where refused."""
