"""resync-replay: a new connection pushed what its client already had.

When a client connects, it names the last position that it has of each conversation (its cursor).
The server must not push positions up to the cursor again. A copy of what the client fetched after
it dialled is allowed, because a push and a read of the history may cross.

A server that states an old last position when it accepts a connection pushes what follows it: then
the statement is the defect. Such pushes are left out only where `history-regress` reports it.
"""

from dataclasses import replace

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HEADS, HISTORY, SERVER_SEQ
from gauntlet.reports.checks._replays import replayed
from gauntlet.reports.checks._shared import named_by
from gauntlet.reports.checks._stale_reads import stale_reads
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import NEVER, Bools, Ints, equal, find, grouped, ints, pair
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "resync-replay",
    "a new connection pushed messages that its client already had",
    aspect="re-sync",
    required=True,
    needs=(SERVER_SEQ, HEADS),
    # Returns are rare in short runs, and each can bring a replay.
    examined_min=1,
)


def check(history: History) -> Finding:
    copies = np.flatnonzero(replayed(history))
    copies = copies[~_follows_old_start(history, copies)]
    returns = _returns(history)
    return Finding(
        examined=returns,
        subject="connections of clients that returned",
        subject_of_one="connection of a client that returned",
        statement="{count} {pushes} repeated what their client already had, on {total}.",
        count=copies.size,
        witnesses=tuple(_witness(history, int(at)) for at in copies[:WITNESSES_MAX]),
        times_ns=ints(history.records["t_ns"][copies]),
        not_applicable="" if returns else "No client connected more than once.",
    )


def of_run(found: Finding, history: History) -> Finding:
    """Return a finding of parts with the returns of the whole run: a user may be in many parts."""
    if not found.subject:
        return found  # the check does not apply to the system, or it crashed
    returns = _returns(history)
    return replace(found, examined=returns, not_applicable="" if returns else found.not_applicable)


def _follows_old_start(history: History, copies: Ints) -> Bools:
    """Return which copies lie behind the old last position that was stated on their connection.

    Only statements count that `history-regress` reports.
    """
    records = history.records
    if not (named_by(history, "history-regress") and HISTORY in history.capabilities):
        return np.zeros(copies.size, dtype=np.bool_)
    read = history.once(stale_reads)
    stated = np.sort(read.records[read.stale])
    stated = stated[equal(records["kind"][stated], Kind.START)]
    lanes, first, _ = grouped(pair(records["link"][stated], records["conv"][stated]))
    # -1, a connection that stated nothing old, finds the appended last entry.
    position = np.append(ints(records["seq"][stated])[first], NEVER)
    lane = find(lanes, pair(records["link"][copies], records["conv"][copies]))
    old: Bools = records["seq"][copies] > position[lane]
    return old


def _returns(history: History) -> int:
    connections = history.sessions.connections
    return connections.session.size - int(np.unique(connections.session).size)


def _witness(history: History, at: int) -> Witness:
    record = history.records[at]
    user, message = int(history.user[at]), int(history.messages.of_record[at])
    connection = history.names.connections[int(record["link"])]
    return Witness(
        f"{connection.edge}, on connection {connection.incarnation} of {history.names.user(user)}, "
        f"pushed position {record['seq']} of {history.names.conv(int(record['conv']))}, which the "
        "client had before it connected.",
        (message,) if message >= 0 else (),
        user,
        (at,),
    )
