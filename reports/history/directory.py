"""What the numbers of a history stand for: the rows of `links.jsonl`."""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass

import numpy as np

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import NUMBERS_PER_WORKER, RunDir, read_jsonl
from gauntlet.reports.history.records import Ints, find


@dataclass(frozen=True)
class Conversation:
    """A conversation, its workload, and the users it was made for."""

    name: str
    workload: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Link:
    """One connection of one user's device to one edge."""

    user: int
    device: str
    incarnation: int
    edge: str
    environment: str


class Names:
    """Users, conversations and links by number. A *session* is one device of one user.

    `driven` are the users whose sends are tasks', and wait for answers.
    """

    def __init__(
        self,
        users: Mapping[int, str],
        convs: Mapping[int, Conversation],
        links: Mapping[int, Link],
        driven: Collection[int] = frozenset(),
    ) -> None:
        self.users = users
        self.convs = convs
        self.links = links
        self.driven = driven
        self._numbers = np.array(sorted(links), dtype=np.int64)
        ordered = [links[int(number)] for number in self._numbers]
        self.sessions = sorted({(link.user, link.device) for link in ordered})
        index = {session: at for at, session in enumerate(self.sessions)}
        # The extra last entry is what an unknown link (found as -1) gets.
        self._users = np.array([*(link.user for link in ordered), 0], dtype=np.int64)
        self._sessions = np.array(
            [*(index[link.user, link.device] for link in ordered), -1], dtype=np.int64
        )

    @classmethod
    def read(cls, run: RunDir, lost: Container[int] = ()) -> "Names":
        """The names of a run without those of `lost` workers; HistoryError if a row is strange."""
        users: dict[int, str] = {}
        convs: dict[int, Conversation] = {}
        links: dict[int, Link] = {}
        driven: set[int] = set()
        for row in read_jsonl(run.links):
            try:
                if row[row["row"]] // NUMBERS_PER_WORKER in lost:
                    continue
                if row["row"] == "user":
                    users[row["user"]] = row["name"]
                    if row.get("driven"):
                        driven.add(row["user"])
                elif row["row"] == "conv":
                    convs[row["conv"]] = Conversation(
                        row["name"], row["workload"], tuple(row["members"])
                    )
                else:
                    links[row["link"]] = Link(
                        row["user"],
                        row["device"],
                        row["incarnation"],
                        row["edge"],
                        row["environment"],
                    )
            except KeyError as error:
                raise HistoryError(f"{run.links}: a row without {error}: {row}") from error
        return cls(users, convs, links, driven)

    def user_of(self, links: Ints) -> Ints:
        """The user of each link, 0 for a link without a row."""
        return self._users[find(self._numbers, links)]

    def session_of(self, links: Ints) -> Ints:
        """The index in `sessions` of each link, -1 for a link without a row."""
        return self._sessions[find(self._numbers, links)]

    def user(self, number: int) -> str:
        """A user's name, for sentences."""
        return self.users.get(number, f"user {number}")

    def conv(self, number: int) -> str:
        """A conversation's name, for sentences."""
        known = self.convs.get(number)
        return known.name if known else f"conversation {number}"
