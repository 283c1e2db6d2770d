"""divergent-order: no single order of a conversation's messages is consistent with all receivers.

`_order_cycles` describes the search. A cycle in which a receiver saw a reply before the message
that it answers is a violation of `causal` instead.
"""

from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.checks._order_cycles import find_cycles
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "divergent-order",
    "two receivers saw the same messages in different orders",
    aspect="order",
    required=True,
    # The two users of a conversation never see the same message unless their own are echoed.
    needs=(SELF_ECHO,),
    # A contradiction takes two pairs.
    examined_min=2,
)


def check(history: History) -> Finding:
    orders = find_cycles(history)
    cycles = [cycle.messages for cycle in orders.cycles if cycle.overtaken is None]
    return Finding(
        examined=orders.delivered,
        subject="pairs of messages presented one after the other",
        subject_of_one="pair of messages presented one after the other",
        statement="Receivers saw {count} {groups} of messages in contradicting orders, among "
        "{total}.",
        count=len(cycles),
        witnesses=tuple(_witness(history, cycle) for cycle in cycles[:WITNESSES_MAX]),
    )


def _witness(history: History, cycle: list[int]) -> Witness:
    titles = ", ".join(history.title(message) for message in cycle[:3])
    more = f" and {len(cycle) - 3} more" if len(cycle) > 3 else ""
    return Witness(
        f"Receivers disagree about the order of {titles}{more}: each of them was delivered to some "
        "receiver before the others.",
        tuple(cycle[:3]),
    )
