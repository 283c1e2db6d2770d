"""What readers must know of disturbances: undeclared ones, and weak evidence for faults."""

from collections.abc import Iterator

from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.client_evidence import Disturbances

LOST_CONNECTIONS = ("lost_connections_count", "lost_connections_per_1000_min")


def describe(found: Disturbances, history: History) -> Iterator[str]:
    """Yield sentences on what happened outside every declared fault, if anything did."""
    if found.calm:
        return
    events = history.events
    first_s, last_s = events.at_s(found.first_ns), events.at_s(found.last_ns)
    yield (
        f"The load was not calm outside the declared faults: {found.disconnects:,} connections "
        f"ended and {found.unanswered:,} sends were never answered, from {first_s:.1f} s to "
        f"{last_s:.1f} s. If others disturbed the system, record the time with `gauntlet mark` and "
        "judge again."
    )
    limited = any(each.indicator in LOST_CONNECTIONS for each in history.scenario.sla)
    if found.disconnects and not limited:
        yield (
            f"No objective limits {LOST_CONNECTIONS[0]}, so that connections that the system "
            "closed without a reason are no failure of this run."
        )


def describe_faults(history: History) -> Iterator[str]:
    """Yield what weakens the evidence for the scenario's faults."""
    faults = history.scenario.faults
    on_clients = [fault.id for fault in faults if fault.target.startswith("client>")]
    if history.events.direct and on_clients:
        yield (
            f"Clients also connected to {', '.join(history.events.direct)} without a fault proxy, "
            f"so {', '.join(on_clients)} did not act there. List these addresses in target.edges."
        )
    unverified = [
        fault.id for fault in faults if fault.kind == "command" and "verify" not in fault.params
    ]
    if unverified:
        yield (
            f"The heal of {', '.join(unverified)} was not verified, because the fault has no "
            "command `verify`."
        )
    unproven = [
        fault.id for fault in faults if fault.kind == "command" and "prove" not in fault.params
    ]
    if unproven:
        yield (
            f"{', '.join(unproven)} had no command `prove`; only the records of the clients can "
            "show that it acted."
        )
