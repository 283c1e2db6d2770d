"""What every engine of the two databases promises, and the values that cross that line.

The errors are the protocol's own; what caused them is their `__cause__`.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store.relations import Standing, Wish


class StoreError(ApiError):
    """A transaction left nothing behind for sure; alone, each of its rows may succeed."""

    def __init__(self) -> None:
        super().__init__("internal", "the database refused")


class StoreDown(ApiError):
    """The database cannot be reached, or not in time; nothing was stored."""

    def __init__(self) -> None:
        super().__init__("unavailable", "the database is unavailable")


class StoreUncertain(ApiError):
    """COMMIT itself failed: nobody knows whether the transaction is stored."""

    def __init__(self) -> None:
        super().__init__("unavailable", "the database failed to commit", stored="unknown")


class Refused(msgspec.Struct, frozen=True):
    """A wish that may not be; `code` is one of the protocol's."""

    code: str
    message: str


class Append(msgspec.Struct, frozen=True):
    """A wish to take the next position of a conversation.

    A message has a `body`. A room event has an `event` and the `user` it is about, and no
    `sender`: its identity, `client_msg_id`, is in a name space of its own. `by` is who asked for
    a membership change; `connection` is the one that entered. What is `refused` is looked up
    all the same: it may be the repeat of a message that is stored.
    """

    conv: str
    client_msg_id: str
    sender: str = ""
    body: str = ""
    type: str = "msg"  # or "sticker"; any other entry has an `event`
    event: str = ""
    user: str = ""
    by: str = ""
    connection: str = ""
    refused: Refused | None = None


class Stored(msgspec.Struct, frozen=True):
    """The position that a wish has; `dup`: it had it before. `members` must see a new entry."""

    entry: Entry
    dup: bool = False
    members: tuple[str, ...] = ()


Outcome = Stored | Refused


class Present(msgspec.Struct, frozen=True):
    """A user in a room, and the connection with which he entered."""

    conv: str
    user: str
    connection: str


class RoomView(msgspec.Struct, frozen=True):
    """A conversation's head, its members with the position since when, and who is present."""

    head: int
    members: dict[str, int]
    present: list[Present]


class BlockPage(msgspec.Struct, frozen=True):
    """Who blocks the other in direct conversations, and the version to ask from next time.

    `blockers` holds what may have changed, the oldest change first; nobody is left out for having
    unblocked, unless it is the `whole`: then nothing else is known, or nothing else matters.
    """

    blockers: dict[str, list[str]]
    version: int
    whole: bool


class MessageStore(Protocol):
    """Conversations, members, attendance, messages. Reads raise StoreDown."""

    @property
    def writers(self) -> int:
        """How many transactions may run at the same time."""
        ...

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """One durable transaction; outcomes in the order of the batch.

        Positions of a conversation are dense, in the order of the batch and of commits. A known
        identity gets its old position. StoreError, StoreDown, StoreUncertain.
        """
        ...

    async def entries(self, conv: str, after: int, limit: int) -> tuple[list[Entry], int]:
        """At most `limit` entries with `seq > after`, ascending, and the head (0: no such)."""
        ...

    async def room(self, conv: str) -> RoomView | None:
        """The state of a conversation of any kind; None if nobody ever wrote to it."""
        ...

    async def member_since(self, conv: str, user: str) -> int | None:
        """The position since which the user is a member; None if he is none."""
        ...

    async def present(self) -> list[Present]:
        """Everyone who is in a room."""
        ...

    async def heads_of(self, user: str) -> HeadsPage:
        """Heads of the user's conversations."""
        ...

    async def heads_since(self, watermark: int) -> HeadsPage:
        """Everything committed after `watermark` was handed out: perhaps more, never less."""
        ...

    async def close(self) -> None:
        """Let go of files and sockets."""
        ...


class UsersStore(Protocol):
    """Accounts, friends, sticker packs, the current environment. Everything raises StoreDown."""

    async def ensure_account(self, user: str) -> None:
        """Make the account unless it exists."""
        ...

    async def environment(self) -> str | None:
        """The environment that new connections are sent to; None if none was ever set."""
        ...

    async def set_environment(self, environment: str) -> None:
        """Send new connections to another environment."""
        ...

    async def relate(self, user: str, other: str, wish: Wish) -> Standing:
        """Change what two users are to each other, and say how `user` sees it then.

        Two who request each other are friends. Blocking ends friendship and requests, and
        nobody requests while either blocks. Every wish may be repeated.
        """
        ...

    async def relations(self, user: str) -> dict[str, Standing]:
        """How a user sees everyone with whom he had to do, in the order of names."""
        ...

    async def blocks_since(self, version: int) -> BlockPage:
        """All that was committed after `version` was handed out: perhaps more, never less."""
        ...

    async def packs(self) -> dict[str, list[str]]:
        """The stickers of every pack."""
        ...

    async def close(self) -> None:
        """Let go of files and sockets."""
        ...
