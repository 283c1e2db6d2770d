"""The interface of the two kinds of inbox, and what they need of their owner."""

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

from gauntlet.builds import mypyc_attr
from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Cursor, Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.workloads.entities import Conversation

PAGE_RETRY_NS = 500 * NS_PER_MS  # after a history request that failed or brought nothing new


class HeldEntry(NamedTuple):
    """An entry that is not presented yet, and how it was received.

    The fields are the last arguments of `InboxListener.present`.
    """

    entry: Entry
    channel: Channel
    connection_number: int


class Inbox(Protocol):
    """What one user has received in one conversation: an `OrderedInbox` or an `UnorderedInbox`."""

    conv: Conversation

    @property
    def cursor(self) -> Cursor:
        """How far the user has read."""

    @property
    def behind(self) -> bool:
        """Whether entries may exist that were not presented."""

    def on_push(self, entry: Entry, connection: Connection) -> None:
        """Handle an entry that arrived on a connection."""

    def on_timer(self) -> None:
        """Handle the end of a wait that was requested with `InboxListener.call_later`."""

    def on_page(self, page: Page | None) -> None:
        """Handle the history after the cursor; None if it could not be read."""


@mypyc_attr(allow_interpreted_subclasses=True)
class InboxListener(ABC):
    """The owner of inboxes (a `Receiver`), which records, reads the history and keeps time.

    A class and no protocol, because compiled code calls its methods directly.
    """

    __slots__ = ()

    @abstractmethod
    def present(self, inbox: Inbox, entry: Entry, channel: Channel, connection_number: int) -> None:
        """Present an entry to the user; `connection_number` is 0 if it came from the history."""

    @abstractmethod
    def on_repeat(self, inbox: Inbox, entry: Entry, connection: Connection, *, seen: bool) -> None:
        """Record a push that was already received (`seen`), or that is behind an earlier push."""

    @abstractmethod
    def on_held(self, inbox: Inbox, entry: Entry, connection_number: int, *, missing: int) -> None:
        """Record that a push arrived, which is not presented yet.

        `missing` is how many positions before it are neither presented nor skipped.
        """

    @abstractmethod
    def on_overflow(self, inbox: Inbox) -> None:
        """Count a push that was not kept, because too many are held back."""

    @abstractmethod
    def on_skipped(self, inbox: Inbox, count: int) -> None:
        """Count positions that the history does not contain."""

    @abstractmethod
    def read_history(self, inbox: Inbox) -> None:
        """Request the page after the cursor, and pass it to `Inbox.on_page`."""

    @abstractmethod
    def call_later(self, inbox: Inbox, wait_ns: int) -> None:
        """Call `Inbox.on_timer` after `wait_ns`."""
