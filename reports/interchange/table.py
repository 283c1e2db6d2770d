"""The records of a run as a table: one row each, with names in place of numbers."""

from collections.abc import Callable, Iterator
from typing import IO

import numpy as np

from gauntlet.core.history import USER_KINDS, Kind
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.damage import as_history_error
from gauntlet.reports.history.arrays import Ints, Records, ints, is_any
from gauntlet.reports.history.directory import Names
from gauntlet.reports.interchange.export import read_run
from gauntlet.reports.interchange.parquet import Column, write_parquet

ROWS = 1_000_000  # of a row group
_NUMBERS = ("t_ns", "ref_ns", "link", "peer", "sseq", "seq", "flags", "spare")
_KINDS = {int(kind): kind.name.lower() for kind in Kind}
# In records of these kinds, `peer` is not a user.
_COUNTED = (Kind.PAGE, Kind.PROBE)


def export_table(run: RunDir, stream: IO[bytes]) -> int:
    """Write the records of a run as Parquet, and return their number; HistoryError as usual."""
    with as_history_error([run.path], "exported"):
        found = read_run(run)
        return write_parquet(stream, _row_groups(found.names, found.records))


def _row_groups(names: Names, records: Records) -> Iterator[list[Column]]:
    for start in range(0, records.size, ROWS):
        yield _columns(names, records[start : start + ROWS])


def _columns(names: Names, records: Records) -> list[Column]:
    kinds, links, peers = ints(records["kind"]), ints(records["link"]), ints(records["peer"])
    of_user = is_any(records["kind"], tuple(USER_KINDS))
    of_link = names.user_of(links)
    users = np.where((of_link == 0) & of_user, peers, of_link)
    convs = ints(records["conv"])
    subjects = np.where(is_any(records["kind"], _COUNTED), 0, peers)
    return [
        _named("kind", kinds, lambda kind: _KINDS.get(kind, str(kind))),
        *(Column(name, ints(records[name])) for name in _NUMBERS[:2]),
        _named("conversation", convs, lambda conv: names.conv(conv) if conv else ""),
        _named("user", users, lambda user: names.user(user) if user else ""),
        _named(
            "device",
            names.session_of(links),
            lambda session: names.sessions[session][1] if session >= 0 else "",
        ),
        _named("subject", subjects, lambda user: names.user(user) if user else ""),
        *(Column(name, ints(records[name])) for name in _NUMBERS[2:]),
    ]


def _named(name: str, values: Ints, text_of: Callable[[int], str]) -> Column:
    found, places = np.unique(values, return_inverse=True)
    return Column(name, ints(places), [text_of(value) for value in found.tolist()])
