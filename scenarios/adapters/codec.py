"""The base class of codecs, which `base` exports to adapters.

It is compiled with the engine, because the engine calls a codec for every frame and every send.
Codecs of adapters derive from it whether they are compiled or not.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from gauntlet.builds import mypyc_attr
from gauntlet.scenarios.adapters.values import (
    Call,
    Contacts,
    Cursor,
    Event,
    EventBatch,
    Immediate,
    Kept,
    Number,
    OverHttp,
    Page,
    Removal,
    Request,
    Response,
    RunData,
    Sent,
)


@mypyc_attr(allow_interpreted_subclasses=True)
class Codec(ABC):
    """The protocol of one session of one user, over all of the session's connections.

    The methods below that are not abstract suit a system that lacks the feature.
    """

    __slots__ = ()

    def login(self) -> OverHttp[str] | None:
        """Return a call that opens a session and whose value is the address to connect to.

        None means that there is no login: clients connect to the target's own address.
        """
        return None

    def login_lasts_s(self) -> Number:
        """Return the lifetime of the last login, which is renewed well before; 0: no expiry."""
        return 0

    # Connecting.

    def sign_up(self) -> OverHttp[bool] | Immediate[bool] | None:
        """Return a call that creates the account; None if accounts are not created by clients.

        Its value is False if the account exists already. Where accounts are created over the
        connection, the codec notes that it has to, returns an `Immediate` call with the value
        False, and reports the new account as `Created`.
        """
        return None

    def url(self, url: str) -> str:
        """Return the address of this user's connection, for example with a token in its query.

        `url` is what `Adapter.url` has returned.
        """
        return url

    def handshake_headers(self) -> Mapping[str, str]:
        """Return HTTP headers for this user's next connection, besides `target.headers`."""
        return {}

    def set_conversations(  # noqa: B027 - most codecs have nothing to do
        self, conversations: Mapping[str, Sequence[str]]
    ) -> None:
        """Note the names of the user's conversations and of their members.

        Called before `open`, for systems in which a client subscribes to channels.
        """

    def receive_request(self, cursors: Mapping[str, Cursor]) -> Request:
        """SSE, LONG-POLL: return the request that opens the stream, or that is the next poll."""
        raise NotImplementedError

    def read_response(self, response: Response) -> Event:
        """LONG-POLL: return the event that the response to a poll is."""
        raise NotImplementedError

    def opened(self, response: Response) -> Event:
        """Return what it means that the connection is open, before `open` is called.

        `response` is that of the handshake; its status is 0 if the transport has none.
        """
        return EventBatch()

    @abstractmethod
    def open(self, cursors: Mapping[str, Cursor]) -> bytes:
        """Return the first frame of a new connection; empty if the server speaks first.

        `cursors` is how far the user has read each conversation.
        """

    def open_as(self, token: str, device: str) -> bytes:
        """MEMBERS_ONLY: return the first frame of a connection with this token and device.

        It changes nothing in the codec. Gauntlet uses it for tokens that the server has to refuse:
        forged ones, those of other devices, and those that have expired two seconds before. Empty
        if the first frame has no token.
        """
        return b""

    @abstractmethod
    def read(self, frame: bytes) -> Event:
        """Return the event that a received frame is; ProtocolError if it is not understood."""

    @abstractmethod
    def send(self, conv: str, client_msg_id: str, body: str) -> Call[Sent]:
        """Return a call that sends a message.

        An answer that is not understood is `Sent("unknown")`, or raises ProtocolError, which means
        the same and is counted with its text.
        """

    def ping(self) -> bytes:
        """Return the client's own heartbeat frame, which any frame answers; empty for none."""
        return b""

    def goodbye(self) -> bytes:
        """Return the frame that precedes an intended close; empty if closing is enough."""
        return b""

    def lost(self) -> None:  # noqa: B027 - most codecs have nothing to do
        """Note that the connection has ended.

        Gauntlet calls `send` only while the user is connected. It gives up open calls at the next
        `Connected` that is not `resumed`: their answers can no longer arrive.
        """

    def ack(self, conv: str, seq: int) -> bytes:
        """Return the frame that confirms everything up to `seq` as presented; empty for none."""
        return b""

    def history(self, conv: str, after: Cursor, limit: int) -> Call[Page]:
        """HISTORY: return a call that reads up to `limit` entries after `after`."""
        raise NotImplementedError

    def heads(self) -> Call[dict[str, int]] | None:
        """HEADS: return a call for the last position of each conversation of the user.

        A conversation that has entries and is not in the answer is stated to have none. None if the
        server states heads only in other frames and answers.
        """
        return None

    def block(self, user: str) -> Call[bool] | None:
        """Return a call by which this user blocks another one; None if that is not possible.

        At the latest 5 s after the answer, the server refuses a direct message (`d.<user>.<user>`)
        of the blocked user to this one, and what `befriend` requests.
        """
        return None

    def unblock(self, user: str) -> Call[bool] | None:
        """Return a call that ends a block.

        At the latest 5 s after the answer, the server accepts again what it accepted before.
        """
        return None

    def befriend(self, user: str) -> Call[bool] | None:
        """Return a call that requests a friendship, or accepts a request; None if there are none.

        An answer that refuses it raises ProtocolError.
        """
        return None

    def unfriend(self, user: str) -> Call[bool] | None:
        """Return a call that ends a friendship or a request of either user; None if there are none.

        If there is nothing to end, that is no error.
        """
        return None

    def contacts(self) -> Call[Contacts] | None:
        """Return a call for the friends, requests and blocks of this user; None without such lists.

        They show every change that was answered before the call. A block ends the friendship and
        all requests of the two users, and its removal restores nothing.
        """
        return None

    def stickers(self) -> Call[list[str]] | None:
        """Return a call for the names of all stickers that users can send; None without stickers.

        At the latest 5 s after the answer, the server accepts all of them.
        """
        return None

    def send_sticker(self, conv: str, client_msg_id: str, sticker: str) -> Call[Sent] | None:
        """Return a call that sends a sticker, like `send`; None without stickers."""
        return None

    def enter(self, conv: str) -> bytes | Call[bool]:
        """ROOMS: return the frame with which the session enters a room, or a call that does."""
        raise NotImplementedError

    def exit(self, conv: str) -> bytes | Call[bool]:
        """ROOMS: the same for exiting a room; the user stays a member."""
        raise NotImplementedError

    def exit_all(self) -> bytes:
        """ROOMS: return the frame with which the session exits all rooms at once; empty for none.

        Gauntlet sends it before it closes a connection on purpose, in every second case.
        """
        return b""

    def add_member(self, conv: str, user: str) -> Call[int]:
        """ROOMS: return a call that makes a user a member; its value is the event's position."""
        raise NotImplementedError

    def remove_member(self, conv: str, user: str) -> Call[int]:
        """MEMBER_CHANGES: return a call that removes a member; its value is the event's position.

        A user who is no member is not an error, so that the call can be repeated.
        """
        raise NotImplementedError

    def members(self, conv: str) -> Call[dict[str, int]]:
        """ROOMS: return a call for every member and the first position that they may read."""
        raise NotImplementedError

    def attendance(self, conv: str) -> Call[list[str]]:
        """ATTENDANCE: return a call for the names of the members who are in a room."""
        raise NotImplementedError

    # Removing what a run has created.

    def clean_up(self, data: RunData) -> Sequence[Removal | Kept]:
        """Return what can be removed of what a run has created, and what has to stay.

        Called before `open`, in a session of its own that sends no messages. Nothing may be removed
        that something else than the run may have created.
        """
        return ()
