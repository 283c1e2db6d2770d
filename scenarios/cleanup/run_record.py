"""What the directory of a run says about what the run has left on its target."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.core.scenario import accounts
from gauntlet.core.scenario.model import Accounts
from gauntlet.scenarios.adapters.base import Account, RunData
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.workloads.entities import Conversation, User

ACCOUNT = "account"
_FIRST_DEVICE = "d0"


@dataclass(frozen=True, slots=True)
class Member:
    """A user of the run on one device, and what the run may have left behind there."""

    user: User
    data: RunData


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The members who had a connection, in the order of their numbers, and all conversations.

    `created` has kind and name of everything that the load reported as created.
    `removed` is the number of users whose accounts an earlier clean-up has removed, with all their
    data; they are no members. `without_account` are users of whom the file of accounts has no row.
    """

    members: list[Member]
    conversations: list[Conversation]
    created: frozenset[tuple[str, str]]
    removed: int
    without_account: list[str]


def read(run: RunDir, tag: str, named: Accounts | None) -> RunRecord:
    """Read the record of a run, whose secrets have been filled in.

    Whatever has the run's tag in its name was created by the run, because the tag is random.
    """
    rows = list(read_jsonl(run.links))
    names = {row["user"]: row["name"] for row in rows if row["row"] == "user"}
    conversations = [
        Conversation(row["conv"], row["name"], row["workload"], tuple(row["members"]))
        for row in rows
        if row["row"] == "conv"
    ]
    sessions = {(row["user"], row["device"]) for row in rows if row["row"] == "link"}
    # A user who has signed up may never have been connected.
    sessions |= {(row["created"], _FIRST_DEVICE) for row in rows if row["row"] == "created"}
    created = frozenset((row["kind"], row["name"]) for row in rows if row["row"] == "created")
    gone = _removed_accounts(run)
    credentials = _Credentials(named)
    mark = tag.rstrip("-")
    members, without, removed = [], [], set()
    known = _by_user(conversations)
    for number, device in sorted(sessions):
        name = names[number]
        account = credentials.of(name)
        if name in gone:
            removed.add(name)
        elif account is None:
            without.append(name)
        else:
            of_user = {
                conv.name: [names[member] for member in conv.members]
                for conv in known.get(number, ())
            }
            data = RunData(
                conversations={conv: of_user[conv] for conv in of_user if mark in conv},
                shared={conv: of_user[conv] for conv in of_user if mark not in conv},
                created=created,
                owns_account=mark in name or (ACCOUNT, name) in created,
                wrote=lambda body: _is_of_run(body, mark),
            )
            members.append(Member(User(number, name, int(device[1:]), account), data))
    return RunRecord(members, conversations, created, len(removed), without)


def _is_of_run(body: str, mark: str) -> bool:
    """Return whether a body was built by the run, and nothing has changed it since."""
    content = payload.parse(body)
    return content is not None and content.intact and content.run == mark


def _by_user(conversations: list[Conversation]) -> dict[int, list[Conversation]]:
    found: dict[int, list[Conversation]] = {}
    for conv in conversations:
        for member in conv.members:
            found.setdefault(member, []).append(conv)
    return found


def _removed_accounts(run: RunDir) -> set[str]:
    return {
        row["user"]
        for row in read_jsonl(run.cleaned)
        if row["kind"] == ACCOUNT and row["status"] == "removed"
    }


class _Credentials:
    """The accounts of the users of a run, by name."""

    def __init__(self, named: Accounts | None) -> None:
        self._rows: dict[str, Account] | None = None
        self._password = self._token = ""
        if named is None:
            return
        self._password, self._token = accounts.plain(named.password), accounts.plain(named.token)
        if named.file:
            self._rows = {row.name: row for row in self._read(named)}

    def _read(self, named: Accounts) -> Iterator[Account]:
        for row in accounts.read(Path(named.file), named.columns):
            yield msgspec.structs.replace(
                row, password=row.password or self._password, token=row.token or self._token
            )

    def of(self, name: str) -> Account | None:
        """Return the account of a user; None if the file has no row of this name any more."""
        if self._rows is not None:
            return self._rows.get(name)
        return Account(name=name, password=self._password, token=self._token)
