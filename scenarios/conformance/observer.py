"""A receiver that only observes: the suite sees what is pushed, and nothing is repaired."""

from collections.abc import Mapping
from typing import NamedTuple

from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.scenarios.adapters.base import Connected, Cursor, Entry, Gap
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.workloads.entities import Conversation, User


class Received(NamedTuple):
    """A pushed entry, and the number of the user's connection on which it came."""

    entry: Entry
    incarnation: int


class Observer(Receiver):
    """Notes what the server pushes, and reads nothing by itself."""

    def __init__(self, context: Context, user: User, request_channel: RequestChannel) -> None:
        super().__init__(context, user, request_channel)
        self.received: list[Received] = []
        self.heads: dict[str, int] = {}
        self._numbered = SERVER_SEQ in context.adapter.capabilities
        self._cursors: dict[str, Cursor] = {}

    def cursors(self) -> dict[str, Cursor]:
        return dict(self._cursors)

    def on_entry(self, connection: Connection, entry: Entry) -> None:
        self.received.append(Received(entry, connection.incarnation))
        if self._numbered:
            read = self._cursors.get(entry.conv, 0)
            self._cursors[entry.conv] = max(entry.seq, read if isinstance(read, int) else 0)
        elif entry.id:
            self._cursors[entry.conv] = entry.id

    def on_connected(self, connection: Connection, connected: Connected, *, returned: bool) -> None:
        self.heads.update(connected.heads)

    def on_heads(self, heads: Mapping[str, int], *, fresh: bool) -> None:
        self.heads.update(heads)

    def on_gap(self, connection: Connection, gap: Gap) -> None:
        """Ignore it: what is not pushed is missing from `received`."""

    def join(self, conv: Conversation, position: int) -> None:
        """Do nothing: the observer keeps no inbox."""
