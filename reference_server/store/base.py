"""The interfaces of the two databases, the values that cross them, and their errors.

The errors are those of the protocol; the error of the driver is their `__cause__`.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store.relations import Action, Relation


class StoreError(ApiError):
    """The database refused a transaction and stored nothing; a single row of it may succeed."""

    def __init__(self) -> None:
        super().__init__("internal", "the database refused")


PAGE_CHARS_MAX = 4_194_304  # of the bodies of one page of history, apart from the last one


class StoreDown(ApiError):
    """The database did not answer, or not in time; nothing was stored."""

    def __init__(self) -> None:
        super().__init__("unavailable", "the database is unavailable")


class TooManyRequests(ApiError):
    """Others have requested the friendship of a user so often that no stranger may do so."""

    def __init__(self, user: str) -> None:
        super().__init__("forbidden", f"{user} has too many requests that are not answered")


class StoreUncertain(ApiError):
    """COMMIT itself failed: the transaction may or may not be stored."""

    def __init__(self) -> None:
        super().__init__("unavailable", "the database failed to commit", stored="unknown")


class Refused(msgspec.Struct, frozen=True):
    """The outcome of a request that is not allowed; `code` is an error code of the protocol."""

    code: str
    message: str


class AppendRequest(msgspec.Struct, frozen=True):
    """A request to write the next entry of a conversation.

    A message has a `body`. A room event has an `event`, the `user` whom it concerns, and no
    `sender`: its identity, `client_msg_id`, has a name space of its own. `by` is the user who
    requested a membership change; `connection` is the one that entered. A request that is
    `refused` is still looked up, because it may repeat a message or an addition that is stored.
    """

    conv: str
    client_msg_id: str
    sender: str = ""
    body: str = ""
    type: str = "msg"  # or "sticker"; a room event has an `event` instead
    event: str = ""
    user: str = ""
    by: str = ""
    connection: str = ""
    refused: Refused | None = None


class Stored(msgspec.Struct, frozen=True):
    """The outcome of a request that has a position.

    `dup`: it had that position before. `members` are the users who must see a new entry.
    """

    entry: Entry
    dup: bool = False
    members: tuple[str, ...] = ()


Outcome = Stored | Refused


class Present(msgspec.Struct, frozen=True):
    """A user in a room, and the connection with which they entered."""

    conv: str
    user: str
    connection: str


class RoomState(msgspec.Struct, frozen=True):
    """The head of a conversation, its members and who is present.

    `members`: user → the position since which they are a member.
    """

    head: int
    members: dict[str, int]
    present: list[Present]


class BlockPage(msgspec.Struct, frozen=True):
    """The blocks that changed, by direct conversation, and the version to request from next time.

    `blockers` lists, oldest change first, the users who block in each conversation; an empty list
    means that a block ended. With `whole`, the page holds all blocks and replaces earlier pages.
    """

    blockers: dict[str, list[str]]
    version: int
    whole: bool


class MessageStore(Protocol):
    """The messages DB: conversations, members, attendance and messages. Reads raise StoreDown."""

    @property
    def writers(self) -> int:
        """How many transactions may run at the same time."""
        ...

    async def append(self, batch: Sequence[AppendRequest]) -> list[Outcome]:
        """Write a batch in one durable transaction; return outcomes in the order of the batch.

        The positions of a conversation are dense and follow the order of the batch and of the
        commits. An identity that is stored already gets its old position. The limits of rooms and
        of members hold also while other processes write. Raises StoreError, StoreDown or
        StoreUncertain.
        """
        ...

    async def try_write(self) -> None:
        """Commit a row that means nothing. Raises StoreError, StoreDown or StoreUncertain."""
        ...

    async def entries(self, conv: str, after: int, limit: int) -> tuple[list[Entry], int]:
        """Return at most `limit` entries with `seq > after`, ascending, and the head.

        A page ends early, but not before its first entry, where it would become too large.
        The head of a conversation that does not exist is 0.
        """
        ...

    async def room(self, conv: str) -> RoomState | None:
        """Return the state of a conversation of any kind; None if it does not exist."""
        ...

    async def member_since(self, conv: str, user: str) -> int | None:
        """Return the position since which the user is a member; None if they are none."""
        ...

    async def present(self) -> list[Present]:
        """Return every user who is in a room, once per room."""
        ...

    async def heads_of(self, user: str, after: str, limit: int) -> HeadsPage:
        """Return the heads of at most `limit` conversations of the user, in the order of their ids.

        The page begins behind the conversation `after`, or with the first one if that is empty.
        """
        ...

    async def heads_since(self, watermark: int) -> HeadsPage:
        """Return everything committed since `watermark` was returned, and possibly more."""
        ...

    async def close(self) -> None:
        """Close files and sockets."""
        ...


class UsersStore(Protocol):
    """The users DB: accounts, friends, sticker packs and the current environment.

    Every call may raise StoreDown.
    """

    async def ensure_account(self, user: str) -> None:
        """Create the account unless it exists."""
        ...

    async def environment(self) -> str | None:
        """Return the environment that new connections are sent to; None if it was never set."""
        ...

    async def set_environment(self, environment: str) -> None:
        """Send new connections to another environment."""
        ...

    async def relate(self, user: str, other: str, action: Action) -> Relation:
        """Change the relation of two users and return it as `user` sees it then.

        Two users who request each other are friends. Blocking ends friendship and requests, and
        requests have no effect while either user blocks the other. Every action may be repeated.
        TooManyRequests for a first request to a user who has not answered those of many others.
        """
        ...

    async def relations(self, user: str) -> dict[str, Relation]:
        """Return the user's relation to every user they have had one with, sorted by name."""
        ...

    async def blocks_since(self, version: int) -> BlockPage:
        """Return every block change committed since `version` was returned, and possibly more."""
        ...

    async def packs(self) -> dict[str, list[str]]:
        """Return the stickers of every pack."""
        ...

    async def close(self) -> None:
        """Close files and sockets."""
        ...
