"""The input of checks and objectives: the whole history of a run, joined and named."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import RECORDED
from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.core.scenario.capabilities import CAPABILITIES, DEVICES, SELF_ECHO
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports.history.arrays import NEVER, Bools, ColumnarRecords, Ints, Records, ints
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.deliveries import (
    ExpectedDeliveries,
    Presentations,
    expect_deliveries,
    find_presentations,
    on_any_device,
)
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.history.late_commits import proven_stored_ns
from gauntlet.reports.history.membership import (
    MembershipIntervals,
    are_requests_known,
    may_have_other_members,
)
from gauntlet.reports.history.messages import (
    Messages,
    MissedArrivals,
    collect_messages,
    collect_missed_arrivals,
)
from gauntlet.reports.history.never_connected import NeverConnected, count_never_connected
from gauntlet.reports.history.records import read_records
from gauntlet.reports.history.times import order

T = TypeVar("T")


@dataclass(frozen=True)
class WholeRun:
    """What a part of a history has to know of the whole: when it began and ended, and who came.

    `convs` are the conversations of the part.
    """

    span_ns: tuple[int, int]
    never_connected: NeverConnected
    convs: frozenset[int]


@dataclass(frozen=True)
class History:
    """One run, ready to be judged; `user` and `session` are those of each record's connection.

    `expected` has the deliveries of acknowledged ops. `expected_unanswered` has those of ops that
    ended without an answer but were proven to be stored before the quiesce (`proven_stored_ns`).
    `span_ns` has the times of the first and the last record.
    """

    scenario: Scenario
    events: Events
    names: Names
    records: Records
    user: Ints
    session: Ints
    messages: Messages
    missed: MissedArrivals
    sessions: Sessions
    never_connected: NeverConnected
    membership: MembershipIntervals
    presentations: Presentations
    expected: ExpectedDeliveries
    proven_stored_ns: Ints
    expected_unanswered: ExpectedDeliveries
    capabilities: frozenset[str]
    traits: Traits
    span_ns: tuple[int, int]
    derived: dict[Callable[..., Any], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, derive: Callable[["History"], T]) -> T:
        """Return `derive(history)`, which is computed for the first caller and kept for others."""
        if derive not in self.derived:
            self.derived[derive] = derive(self)
        found: T = self.derived[derive]
        return found

    def with_proofs(self, faults: tuple[FaultTimes, ...]) -> "History":
        """Return the history with other proofs of its faults.

        No time changes, so that what was derived from the records is kept.
        """
        proven = replace(self, events=replace(self.events, faults=faults))
        proven.derived.update(self.derived)
        return proven

    @property
    def is_log(self) -> bool:
        """Whether others recorded it, without the phases of a load: nothing waited for its end."""
        recorded = self.scenario.target.adapter == RECORDED
        return recorded and self.events.quiesce_started_ns == NEVER

    def title(self, message: int) -> str:
        """Return a message in words: `message 7 of u0-1 in d.u0-1.u0-2`."""
        author = self.names.user(int(self.messages.author[message]))
        name = self.names.message(int(self.messages.sseq[message]))
        return f"message {name} of {author} in {self.conv_of(message)}"

    def place(self, message: int) -> str:
        """Return a message's position as ` (position 7)`, empty where it is unknown."""
        position = int(self.messages.position[message])
        return f" (position {position})" if position else ""

    def conv_of(self, message: int) -> str:
        """Return the name of a message's conversation."""
        return self.names.conv(int(self.messages.conv[message]))


def load_history(
    run: RunDir,
    scenario: Scenario,
    events: Events,
    capabilities: frozenset[str],
    traits: Traits = Traits(),  # noqa: B008 - it cannot change
) -> History:
    """Return the history of a run; raises HistoryError if it is incomplete or impossible."""
    records = read_records(run, list(events.reconciliations), events.lost, events.clocks)
    names, live = Names.read(run, events.lost), read_jsonl(run.live)
    history = assemble_history(scenario, events, names, records, capabilities, live, traits)
    contradictions = order.contradictions(
        records, history.user, events, history.messages, history.sessions.connections
    )
    for problem in contradictions:
        raise HistoryError(f"its times contradict each other: {problem}")
    return history


def assemble_history(
    scenario: Scenario,
    events: Events,
    names: Names,
    records: Records,
    capabilities: frozenset[str] = frozenset(CAPABILITIES),
    live: Iterable[dict[str, Any]] = (),
    traits: Traits = Traits(),  # noqa: B008 - it cannot change
    whole: WholeRun | None = None,
) -> History:
    """Return the history made of these records; raises HistoryError if they do not fit together.

    If they are a part of the records of the run, `whole` has what is known of all.
    """
    records = records.view(ColumnarRecords)
    span_ns = whole.span_ns if whole else span_of(records)
    user, session = _owners(names, ints(records["link"]))
    messages = collect_messages(records)
    sessions = Sessions(records, names, events.quiesce_started_ns, span_ns[0])
    membership = MembershipIntervals(
        records,
        names,
        whole.convs if whole else None,
        may_have_other_members=may_have_other_members(scenario, capabilities),
        requests_are_known=are_requests_known(scenario, capabilities, events),
        times_are_stated=scenario.target.adapter == RECORDED,
    )
    presentations = find_presentations(records, messages, user, session)
    stored_ns = proven_stored_ns(records, messages)

    def expected(ops: Bools) -> ExpectedDeliveries:
        echo = SELF_ECHO in capabilities
        found = expect_deliveries(
            ops, records, messages, presentations, membership, sessions, session, echo=echo
        )
        return on_any_device(found) if _is_one_enough(scenario, capabilities) else found

    return History(
        scenario=scenario,
        events=events,
        names=names,
        records=records,
        user=user,
        session=session,
        messages=messages,
        missed=collect_missed_arrivals(records),
        sessions=sessions,
        never_connected=whole.never_connected
        if whole
        else count_never_connected(live, events, names, sessions, scenario.load.devices),
        membership=membership,
        presentations=presentations,
        expected=expected(messages.acked & messages.sent),
        proven_stored_ns=stored_ns,
        expected_unanswered=expected(stored_ns < events.quiesce_started_ns - events.clock_error_ns),
        capabilities=capabilities,
        traits=traits,
        span_ns=span_ns,
    )


def _owners(names: Names, links: Ints) -> tuple[Ints, Ints]:
    """Return the user and the session of each connection; HistoryError if one has no name."""
    user, session = names.owners_of(links)
    unnamed = links[(links > 0) & (user == 0)]
    if unnamed.size:
        raise HistoryError(f"links.jsonl does not name link {unnamed[0]}, which the history has")
    return user, session


def _is_one_enough(scenario: Scenario, capabilities: frozenset[str]) -> bool:
    """Return whether a delivery to one device of a user suffices.

    A load has several devices only where each of them has to receive everything.
    """
    return scenario.target.adapter == RECORDED and DEVICES not in capabilities


def span_of(records: Records) -> tuple[int, int]:
    """Return the times of the first and of the last record, 0 without records."""
    if not records.size:
        return 0, 0
    return int(records["t_ns"].min()), int(records["t_ns"].max())
