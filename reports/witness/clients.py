"""Which clients a slice shows: those that saw the violation, and the senders of its messages."""

from collections.abc import Iterable, Iterator

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import Ints
from gauntlet.reports.history.history import History

CLIENTS_MAX = 3


def choose_clients(history: History, witness: Witness, at: Ints) -> tuple[int, ...]:
    """Return at most three sessions, the most important one first; `at` are the records."""
    candidates = [
        *_witnesses(history, witness),
        *_disagreeing(history, witness, at),
        *_of(history, at, (Kind.OP, Kind.ATTEMPT)),
        *_of(history, at, (Kind.DELIVER, Kind.RECEIVE)),
    ]
    distinct = dict.fromkeys(session for session in candidates if session >= 0)
    return tuple(distinct)[:CLIENTS_MAX]


def _witnesses(history: History, witness: Witness) -> Iterator[int]:
    """Yield the session that saw the violation."""
    if witness.session >= 0:
        yield witness.session
        return
    yield from (int(history.session[index]) for index in witness.records)
    if witness.user:
        sessions = history.names.sessions
        yield from (at for at, (user, _) in enumerate(sessions) if user == witness.user)


def _disagreeing(history: History, witness: Witness, at: Ints) -> Iterable[int]:
    """Return sessions that received the messages in different orders or at different positions.

    There is one for each view; none if all sessions have the same view.
    """
    views: dict[int, list[tuple[int, int]]] = {}
    for index in at.tolist():
        record, message = history.records[index], int(history.messages.of_record[index])
        if record["kind"] == Kind.DELIVER and message in witness.messages:
            view = views.setdefault(int(history.session[index]), [])
            if message not in [seen for seen, _ in view]:
                view.append((message, int(record["seq"])))
    views = {session: view for session, view in views.items() if len(view) > 1}
    distinct = {tuple(view): session for session, view in reversed(views.items())}
    return distinct.values() if len(distinct) > 1 else ()


def _of(history: History, at: Ints, kinds: tuple[Kind, ...]) -> Iterator[int]:
    chosen = at[np.isin(history.records["kind"][at], kinds)]
    yield from (int(session) for session in history.session[chosen])
