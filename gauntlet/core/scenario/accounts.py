"""The accounts of the users: names by a pattern, or read from a file.

A CSV file has a header; a file of JSON lines has one object per line. The columns `name`,
`password` and `token`, or those that `accounts.columns` names instead, describe the account; all
other columns become `Account.fields`, which an adapter may use. An account belongs to one user of
one worker: worker W's slot S uses the account `W * users_per_worker + S`.
"""

import csv
import json
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Accounts

DEFAULT_PATTERN = "load-{run}-{n:05}"  # of accounts that sign up
COLUMNS = ("name", "password", "token")
SUFFIXES = (".csv", ".jsonl")
_BYTES_MAX = 64 * 2**20
_NAME_CHARACTERS_MAX = 200
# In the format of a number: a width of so many digits fills the memory, and a width that is a
# field itself, as in `{n:{run}}`, is another one in the run.
_NO_WIDTH = re.compile(r"[1-9][0-9]{3}|\{")


class Account(msgspec.Struct, frozen=True):
    """Who logs in: the name under which others address the user, and what proves the identity.

    `fields` holds the other columns of an accounts file. The secrets are left out of the
    representation, because values end up in logs and exceptions.
    """

    name: str
    password: str = ""
    token: str = ""
    fields: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Account(name={self.name!r})"


def users_per_worker(worker: int, workers: int, users: int) -> int:
    """Return how many of a run's users a worker plans for: an even share, rounded up."""
    return -(-users // workers) if users > worker else 0


def needed(users: int, workers: int) -> int:
    """Return how many accounts a load needs.

    The share of every worker is rounded up, because Locust decides which of them get one user more.
    """
    return sum(users_per_worker(worker, workers, users) for worker in range(workers))


def share(worker: int, workers: int, users: int) -> tuple[int, int]:
    """Return the index of a worker's first account, and how many the worker needs."""
    count = users_per_worker(worker, workers, users)
    return worker * users_per_worker(0, workers, users), count


def pattern_problem(pattern: str) -> str:
    """Return what a pattern must be, if it cannot be used; otherwise nothing."""
    allowed = "a text with {n} and optionally {run}, such as load-{run}-{n:05}"
    if len(pattern) > _NAME_CHARACTERS_MAX:
        return f"{allowed}, of at most {_NAME_CHARACTERS_MAX} characters"
    try:
        fields = [field for field in string.Formatter().parse(pattern) if field[1] is not None]
        names = [name for _, name, _, _ in fields]
        if any(_NO_WIDTH.search(spec or "") for _, _, spec, _ in fields):
            return f"{allowed}, with a width below 1000"
        first, second = (pattern.format(run="0", n=n) for n in (1, 2))
    except (ValueError, LookupError, AttributeError, TypeError):
        return allowed
    usable = {"n"} <= set(names) <= {"n", "run"} and first != second
    return "" if usable and first.strip() == first else allowed


def are_new_in_each_run(accounts: Accounts) -> bool:
    """Return whether the names of the accounts contain the tag of the run."""
    if accounts.file:
        return False
    parts = string.Formatter().parse(accounts.pattern or DEFAULT_PATTERN)
    return any(name == "run" for _, name, _, _ in parts)


def make(
    accounts: Accounts, first: int, count: int, run: str, rows: list[Account] | None = None
) -> tuple[Account, ...]:
    """Return `count` accounts from index `first` on; ConfigError if there are too few.

    `run` is the tag of the run. `rows` are the accounts of the file, if they have been read.
    """
    password, token = plain(accounts.password), plain(accounts.token)
    if not accounts.file:
        pattern = accounts.pattern or DEFAULT_PATTERN
        return tuple(
            Account(name=pattern.format(run=run, n=index + 1), password=password, token=token)
            for index in range(first, first + count)
        )
    rows = read(Path(accounts.file), accounts.columns) if rows is None else rows
    chosen = rows[first : first + count]
    if len(chosen) < count:
        raise ConfigError(too_few(accounts.file, first + count, len(rows)))
    return tuple(
        msgspec.structs.replace(row, password=row.password or password, token=row.token or token)
        for row in chosen
    )


def check_count(accounts: Accounts | None, users: int, workers: int) -> None:
    """Raise a ConfigError if the file has fewer accounts than a load needs."""
    if accounts is None or not accounts.file:
        return
    found, required = len(read(Path(accounts.file), accounts.columns)), needed(users, workers)
    if found < required:
        shares = f" ({users} users on {workers} workers, rounded up)" if required > users else ""
        raise ConfigError(f"{too_few(accounts.file, required, found)}{shares}")


def too_few(file: str, required: int, found: int) -> str:
    """Return the sentence about a file with too few accounts."""
    return f"accounts.file must have at least {required} accounts; {file} has {found}"


def read(file: Path, columns: dict[str, str]) -> list[Account]:
    """Read the accounts of a file; a ConfigError names the file, the line, and what is wrong.

    Messages never contain values of the file other than names.
    """
    rows = _csv_rows if file.suffix == ".csv" else _json_rows
    accounts: list[Account] = []
    lines: dict[str, int] = {}
    for line, row in rows(file, _content(file)):
        account = _account(row, columns, f"{file}:{line}")
        earlier = lines.setdefault(account.name, line)
        if earlier != line:
            raise ConfigError(
                f"{file}:{line}: the name must be unique; got {account.name!r} of line {earlier}"
            )
        accounts.append(account)
    return accounts


def plain(value: Any) -> str:
    """Return a secret that has been filled in; accounts are made only after that."""
    if not isinstance(value, str):
        raise ConfigError("accounts hold a reference to a secret that has not been resolved")
    return value


def _content(file: Path) -> str:
    try:
        size_bytes = file.stat().st_size
        if size_bytes > _BYTES_MAX:
            raise ConfigError(f"{file} must have at most {_BYTES_MAX:,} bytes; got {size_bytes:,}")
        with file.open(encoding="utf-8-sig") as stream:
            text = stream.read(_BYTES_MAX + 1)  # a device without end has no size
    except OSError as error:
        raise ConfigError(f"the accounts {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the accounts {file} must be UTF-8 text") from error
    if len(text) > _BYTES_MAX:
        raise ConfigError(f"{file} must have at most {_BYTES_MAX:,} bytes; got more")
    return text


def _csv_rows(file: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header) or not all(header):
            raise ConfigError(f"{file}:1: the header must name every column once")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise ConfigError(
                    f"{file}:{reader.line_num}: a row must have {len(header)} cells, like the "
                    f"header; got {len(cells)}"
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ConfigError(f"{file}:{reader.line_num}: the row is not valid CSV: {error}") from error


def _json_rows(file: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    for line, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        try:
            values = json.loads(row)
        except ValueError as error:
            raise ConfigError(f"{file}:{line}: a line must be a JSON object") from error
        scalars = isinstance(values, dict) and all(
            isinstance(value, str | int | float) or value is None for value in values.values()
        )
        if not scalars:
            raise ConfigError(f"{file}:{line}: a line must be a JSON object of texts and numbers")
        yield line, {key: "" if value is None else str(value) for key, value in values.items()}


def _account(row: dict[str, str], columns: dict[str, str], where: str) -> Account:
    values: dict[str, str] = {}
    for part in COLUMNS:
        column = columns.get(part, part)
        if part in columns and column not in row:
            known = ", ".join(row) or "none"
            raise ConfigError(
                f"{where}: accounts.columns.{part} must be one of: {known}; got {column}"
            )
        values[part] = row.get(column, "")
    name = values["name"]
    if not name or name.strip() != name or len(name) > _NAME_CHARACTERS_MAX:
        column = columns.get("name", "name")
        raise ConfigError(
            f"{where}: the column {column} must be a name of 1 to {_NAME_CHARACTERS_MAX} "
            f"characters, without spaces around it; got {name[:_NAME_CHARACTERS_MAX]!r}"
        )
    used = {columns.get(part, part) for part in COLUMNS}
    return Account(**values, fields={key: row[key] for key in row if key not in used})
