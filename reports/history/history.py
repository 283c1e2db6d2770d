"""What checks and objectives are given: a whole run's history, joined and named."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.core.scenario.capabilities import CAPABILITIES, SELF_ECHO
from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.history import deliveries, late_commits, messages, missed
from gauntlet.reports.history import never_connected as turnout
from gauntlet.reports.history import records as columns
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.deliveries import Expected, Presented
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.membership import Entitlement
from gauntlet.reports.history.messages import Messages
from gauntlet.reports.history.missed import Missed
from gauntlet.reports.history.never_connected import Turnout
from gauntlet.reports.history.records import Bools, Ints, Records


@dataclass(frozen=True)
class History:
    """One run, ready to be judged; `user` and `session` are those of each record's link.

    Acknowledged ops are `expected`. Those that nobody answered, and that were seen to be stored
    before the quiesce (`surfaced_ns`), are owed to the same people: `unanswered`.
    """

    scenario: Scenario
    events: Events
    names: Names
    records: Records
    user: Ints
    session: Ints
    messages: Messages
    missed: Missed
    sessions: Sessions
    turnout: Turnout
    entitlement: Entitlement
    presented: Presented
    expected: Expected
    surfaced_ns: Ints
    unanswered: Expected
    capabilities: frozenset[str]

    def title(self, message: int) -> str:
        """A message in words: `message 7 of u0-1 in d.u0-1.u0-2`."""
        known = self.messages
        author = self.names.user(int(known.author[message]))
        return f"message {known.sseq[message]} of {author} in {self.conv_of(message)}"

    def place(self, message: int) -> str:
        """A message's position in words, or nothing where it is not known."""
        position = int(self.messages.position[message])
        return f" (position {position})" if position else ""

    def conv_of(self, message: int) -> str:
        """The name of a message's conversation."""
        return self.names.conv(int(self.messages.conv[message]))


def load(
    run: RunDir, scenario: Scenario, happened: Events, capabilities: frozenset[str]
) -> History:
    """The history of a run; HistoryError if it is incomplete or damaged."""
    lost = happened.lost
    records = columns.read(run, list(happened.reconciliations), lost, happened.clocks)
    names, live = Names.read(run, lost), read_jsonl(run.live)
    return join(scenario, happened, names, records, capabilities, live)


def join(
    scenario: Scenario,
    happened: Events,
    names: Names,
    records: Records,
    capabilities: frozenset[str] = frozenset(CAPABILITIES),
    live: Iterable[dict[str, Any]] = (),
) -> History:
    """The history made of its parts; HistoryError if these do not fit together."""
    known = messages.collect(records)
    sessions = Sessions(records, names, happened.called_back_ns)
    entitlement = Entitlement(records, names)
    shown = deliveries.presented(records, known, names)
    surfaced_ns = late_commits.surfaced_ns(records, known)

    def owed(ops: Bools) -> Expected:
        echo = SELF_ECHO in capabilities
        return deliveries.expected(
            ops, records, known, shown, entitlement, sessions, names, echo=echo
        )

    links = columns.ints(records["link"])
    user = names.user_of(links)
    strange = links[(links > 0) & (user == 0)]
    if strange.size:
        raise HistoryError(f"links.jsonl does not name link {strange[0]} of the history")
    return History(
        scenario=scenario,
        events=happened,
        names=names,
        records=records,
        user=user,
        session=names.session_of(links),
        messages=known,
        missed=missed.collect(records),
        sessions=sessions,
        turnout=turnout.count(live, happened, names, sessions, scenario.load.devices),
        entitlement=entitlement,
        presented=shown,
        expected=owed(known.acked & known.sent),
        surfaced_ns=surfaced_ns,
        unanswered=owed(surfaced_ns < happened.called_back_ns),
        capabilities=capabilities,
    )
