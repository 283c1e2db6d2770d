"""The users, conversations and connections that records refer to by number: `links.jsonl`."""

import json
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from sys import intern
from types import MappingProxyType

import msgspec
import numpy as np

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import STRANGER_SSEQ
from gauntlet.core.run_directory import NUMBERS_PER_WORKER, RunDir, complete_lines, parse_row
from gauntlet.reports.history.arrays import Ints, find


@dataclass(frozen=True)
class Conversation:
    """A conversation, its workload, and the users for whom it was created."""

    name: str
    workload: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Connection:
    """A connection of one device of a user to one edge; files call it a link."""

    user: int
    device: str
    incarnation: int
    edge: str
    environment: str


class MessageIds:
    """The ids of the messages of an imported history, one JSON string a line, by number from 1.

    They stay on disk, because only the few messages of witnesses are looked up.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._starts: Ints | None = None

    @classmethod
    def open(cls, file: Path) -> "MessageIds | None":
        """Return the ids in a file, None if there is no such file."""
        return cls(file) if file.is_file() else None

    def find(self, number: int) -> str:
        """Return the id of a message, its number if the file does not have it."""
        if self._starts is None:
            with self._file.open("rb") as lines:
                lengths = [len(line) for line in lines]
            self._starts = np.cumsum([0, *lengths], dtype=np.int64)
        if not 0 < number < self._starts.size:
            return str(number)
        with self._file.open("rb") as stream:
            stream.seek(int(self._starts[number - 1]))
            return str(json.loads(stream.readline()))


class _UserRow(msgspec.Struct, tag_field="row", tag="user"):
    user: int
    name: str
    driven: bool = False


class _ConvRow(msgspec.Struct, tag_field="row", tag="conv"):
    conv: int
    name: str
    workload: str
    members: tuple[int, ...]


class _LinkRow(msgspec.Struct, tag_field="row", tag="link"):
    link: int
    user: int
    device: str
    incarnation: int
    edge: str
    environment: str


class _AccountRow(msgspec.Struct, tag_field="row", tag="account"):
    account: int
    name: str


class _CreatedRow(msgspec.Struct, tag_field="row", tag="created"):
    """What the run created on the system: the concern of `gauntlet clean` alone."""


_Row = _UserRow | _ConvRow | _LinkRow | _AccountRow | _CreatedRow


def _rows(file: Path) -> Iterator[_Row]:
    """Yield the rows of links.jsonl; HistoryError if one is damaged or lacks a field."""
    decode = msgspec.json.Decoder(_Row).decode
    for number, line in enumerate(complete_lines(file), 1):
        try:
            yield decode(line)
        except (ValueError, RecursionError):
            # JSON with half a surrogate pair is valid here, and all else needs an explanation.
            yield _row(line, f"{file}, line {number}")


def _row(line: bytes, where: str) -> _Row:
    try:
        found: _Row = msgspec.convert(parse_row(line.decode(), where), _Row)
    except ValueError as error:
        raise HistoryError(f"{where} cannot be read: {error}") from error
    return found


class Names:
    """Users, conversations and connections by number. A *session* is one device of one user.

    `driven` are the users whose sends come from Locust tasks, which wait for their answers.
    """

    def __init__(
        self,
        users: Mapping[int, str],
        convs: Mapping[int, Conversation],
        connections: Mapping[int, Connection],
        driven: Collection[int] = frozenset(),
        message_ids: MessageIds | None = None,
        accounts: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        self.users = users
        self.convs = convs
        self.connections = connections
        self.driven = driven
        self._message_ids = message_ids
        self._accounts = accounts
        self._numbers = np.array(sorted(connections), dtype=np.int64)
        ordered = [connections[int(number)] for number in self._numbers]
        self.sessions = sorted({(known.user, known.device) for known in ordered})
        index = {session: at for at, session in enumerate(self.sessions)}
        # An unknown connection is found as -1, so the additional last entry is its user or session.
        self._users = np.array([*(known.user for known in ordered), 0], dtype=np.int64)
        self._sessions = np.array(
            [*(index[known.user, known.device] for known in ordered), -1], dtype=np.int64
        )

    @classmethod
    def read(cls, run: RunDir, lost: Container[int] = ()) -> "Names":
        """Return the names of a run without those of the workers `lost`.

        Raises HistoryError if a row is damaged or lacks a field.
        """
        users: dict[int, str] = {}
        convs: dict[int, Conversation] = {}
        connections: dict[int, Connection] = {}
        driven: set[int] = set()
        accounts: dict[int, str] = {}
        for row in _rows(run.links):
            match row:
                case _UserRow() if row.user // NUMBERS_PER_WORKER not in lost:
                    users[row.user] = row.name
                    if row.driven:
                        driven.add(row.user)
                case _ConvRow() if row.conv // NUMBERS_PER_WORKER not in lost:
                    convs[row.conv] = Conversation(row.name, row.workload, row.members)
                case _AccountRow() if row.account // NUMBERS_PER_WORKER not in lost:
                    accounts[row.account] = row.name
                case _LinkRow() if row.link // NUMBERS_PER_WORKER not in lost:
                    texts = (row.device, row.edge, row.environment)
                    device, edge, environment = map(intern, texts)  # few, in very many rows
                    connections[row.link] = Connection(
                        row.user, device, row.incarnation, edge, environment
                    )
        return cls(users, convs, connections, driven, MessageIds.open(run.messages), accounts)

    @cached_property
    def last_session(self) -> dict[int, int]:
        """The index in `sessions` of each user's last device."""
        return {user: at for at, (user, _) in enumerate(self.sessions)}

    @cached_property
    def edges(self) -> frozenset[str]:
        """All edges to which users connected."""
        return frozenset(connection.edge for connection in self.connections.values())

    def user_of(self, links: Ints) -> Ints:
        """Return the user of each connection, 0 for a connection without a row."""
        return self._users[find(self._numbers, links)]

    def session_of(self, links: Ints) -> Ints:
        """Return each connection's index in `sessions`, -1 for a connection without a row."""
        return self._sessions[find(self._numbers, links)]

    def owners_of(self, links: Ints) -> tuple[Ints, Ints]:
        """Return what `user_of` and `session_of` do, for which connections are found only once."""
        at = find(self._numbers, links)
        return self._users.take(at), self._sessions.take(at)

    def user(self, number: int) -> str:
        """Return the name of a user, or of an account outside the load, for a sentence.

        The number 0 is that of no user: a record names one of whom nothing else is known.
        """
        name = self.users.get(number)
        return (
            self._accounts.get(number, f"user {number}" if number else "an unknown user")
            if name is None
            else name
        )

    def message(self, number: int) -> str:
        """Return how a sentence names a message: its id in an imported history, or its number."""
        if self._message_ids is None:
            return str(number)
        of_stranger = number >= STRANGER_SSEQ
        return self._message_ids.find(number - STRANGER_SSEQ if of_stranger else number)

    def conv(self, number: int) -> str:
        """Return a conversation's name for a sentence."""
        known = self.convs.get(number)
        return known.name if known else f"conversation {number}"
