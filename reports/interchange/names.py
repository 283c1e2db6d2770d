"""Numbers the users, conversations, connections and messages of a history as they appear.

What is kept in memory grows with the number of these, and not with the number of lines. The ids of
messages are written to a file as they appear, because only witnesses need them again.
"""

import bisect
import hashlib
import json
from array import array
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from gauntlet.core.history import STRANGER_SSEQ
from gauntlet.core.printable import printable
from gauntlet.core.run_directory import ACCOUNTS_FROM, NUMBERS_PER_WORKER, UNKNOWN_SENDER
from gauntlet.reports.interchange.lines import Id

MESSAGES_MAX = STRANGER_SSEQ - 1


class Link(NamedTuple):
    """A connection of a device: its number, its user, its device, and what number it has there."""

    number: int
    user: int
    device: str
    incarnation: int


class Registry:
    """All names of a history, and the numbers that records use for them.

    A message is known by its conversation and its id. `authors` and `bodies` have, by the number of
    a message, who sent it and the checksum of its text; 0 where that is unknown.
    """

    def __init__(self, ids: Path) -> None:
        self.users: dict[str, int] = {}
        self.conversations: dict[str, int] = {}
        self.accounts: dict[str, int] = {}  # that `contact` lines name
        self.stickers: dict[str, int] = {}  # the messages that `sticker` lines name
        self.links: dict[tuple[int, str, str], Link] = {}
        self.servers: dict[int, str] = {}
        self.authors = array("L", [0])
        self.bodies = array("L", [0])
        self.attempts = array("B", [0])
        self._latest: dict[tuple[int, str], Link] = {}
        self._ups: dict[tuple[int, str], list[tuple[int, Link]]] = {}  # by time
        self._messages: dict[bytes, int] = {}
        self._ids = ids.open("w", encoding="utf-8")

    def close(self) -> None:
        """Close the file of ids."""
        self._ids.close()

    def user(self, name: Id) -> int:
        """Return the number of a user."""
        return _numbered(self.users, str(name), "users")

    def account(self, name: Id) -> int:
        """Return the number of an account that `contact` lines name."""
        return ACCOUNTS_FROM + _numbered(self.accounts, str(name), "accounts")

    def sticker(self, account: int, message: Id) -> int:
        """Return the number of a message that `sticker` lines name."""
        return _numbered(self.stickers, f"{account} {message}", "stickers")

    def conversation(self, name: Id) -> int:
        """Return the number of a conversation."""
        return _numbered(self.conversations, str(name), "conversations")

    def message(self, conversation: int, name: Id) -> int:
        """Return the number of a message."""
        text = str(name)
        key = hashlib.blake2b(f"{conversation} {text}".encode(), digest_size=12).digest()
        number = self._messages.get(key)
        if number is None:
            number = len(self.authors)
            if number > MESSAGES_MAX:
                raise ValueError(f"a history must have at most {MESSAGES_MAX:,} messages")
            self._messages[key] = number
            self.authors.append(0)
            self.bodies.append(0)
            self.attempts.append(0)
            self._ids.write(json.dumps(printable(text)) + "\n")
        return number

    def link(
        self,
        user: int,
        device: Id | None,
        connection: Id | None,
        t_ns: int,
        *,
        up_ns: int | None = None,
    ) -> Link:
        """Return a connection of a device: the one with that id, or the latest one at `t_ns`.

        With `up_ns`, a new one is connected then. A file may have all of them before anything else.
        """
        device = "main" if device is None else str(device)
        latest = self._latest.get((user, device))
        ups = self._ups.setdefault((user, device), [])
        if connection is None:
            if latest is not None and up_ns is None:
                before = bisect.bisect_right(ups, t_ns, key=itemgetter(0))
                return ups[before - 1][1] if 0 < before < len(ups) else latest
            connection = f"\0{latest.incarnation if latest else 0}"
        key = (user, device, str(connection))
        found = self.links.get(key)
        if found is None:
            number = len(self.links) + 1
            if number >= NUMBERS_PER_WORKER:
                raise ValueError(
                    f"a history must have fewer than {NUMBERS_PER_WORKER:,} connections"
                )
            incarnation = latest.incarnation + 1 if latest else 1
            found = self.links[key] = Link(number, user, device, incarnation)
            # What a later line says of an older connection does not make it the latest one.
            self._latest[user, device] = found
            if up_ns is not None:
                bisect.insort(ups, (up_ns, found), key=itemgetter(0))
        return found


def _numbered(numbers: dict[str, int], name: str, noun: str) -> int:
    number = numbers.get(name)
    if number is None:
        number = numbers[name] = len(numbers) + 1
        if number >= UNKNOWN_SENDER:
            raise ValueError(f"a history must have fewer than {UNKNOWN_SENDER:,} {noun}")
    return number
