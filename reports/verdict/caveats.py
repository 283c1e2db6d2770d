"""What readers must know before they trust the numbers: limits of the load and missed arrivals."""

from collections.abc import Iterator

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.history import Miss
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.history import History
from gauntlet.reports.history.never_connected import NeverConnected
from gauntlet.reports.metrics import leftovers, time_series, totals
from gauntlet.reports.metrics.client_evidence import Disturbances
from gauntlet.reports.metrics.harness_health import HarnessHealth
from gauntlet.reports.metrics.indicators.base import IndicatorInput
from gauntlet.reports.verdict import disturbed

MISS_REASONS: dict[Miss, str] = {
    Miss.NO_SENDER: "no user was ready to send",
    Miss.QUEUE: "the sender's queue was full",
    Miss.BACKLOG: "the worker's backlog was full",
}

_COORDINATED_OMISSION = (
    "A user who waits for an answer sends nothing in the meantime, so a slow system receives less "
    "load, and the latencies do not contain that waiting time (coordinated omission)."
)


def caveats(
    run: IndicatorInput, disturbances: Disturbances, health: HarnessHealth
) -> Iterator[str]:
    """Yield sentences for the top of every description of the run."""
    yield from disturbed.describe(disturbances, run.history)
    yield from disturbed.describe_faults(run.history)
    yield from _describe_overruns(run.history.events)
    yield from _describe_clock_error(run.history.events)
    yield from _describe_length(run.history)
    if health.limits:
        # The self-audit has the lateness and everything else that was at its limit.
        yield (
            f"The run is {health.status}: latency and capacity objectives are not judged. See the "
            "self-audit for the figures."
        )
    yield from _describe_never_connected(run.history.never_connected)
    yield from _describe_leftovers(leftovers.count_leftovers(run.history))
    if subject := _describe_closed_loop(run):
        yield f"{subject}. {_COORDINATED_OMISSION}"
    reasons = run.history.missed.reason.tolist()
    if reasons:
        intended = len(reasons) + totals.count_totals(run.history)["ops"]
        counts = {clause: reasons.count(int(miss)) for miss, clause in MISS_REASONS.items()}
        causes = [f"{count:,} because {clause}" for clause, count in counts.items() if count]
        yield (
            f"Arrivals were missed: {len(reasons):,} of {intended:,} intended sends were not made, "
            f"{', '.join(causes)}."
        )


def _describe_overruns(events: Events) -> Iterator[str]:
    """Yield a sentence about each fault that acted longer than the scenario says."""
    for fault in events.faults:
        if fault.overran_s is None or fault.length_s is None:
            continue
        sentence = (
            f"Fault {fault.id} acted for {fault.length_s + fault.overran_s:.1f} s, "
            f"{fault.overran_s:.1f} s longer than the {fault.length_s:g} s of the scenario"
        )
        if fault.heal_requested_ns is not None and fault.healed_ns is not None:
            heal_s = (fault.healed_ns - fault.heal_requested_ns) / NS_PER_S
            sentence += f"; its heal took {heal_s:.1f} s"
        yield f"{sentence}."


def _describe_clock_error(events: Events) -> Iterator[str]:
    """Yield a sentence about the clocks of an imported history, unless they agree."""
    if events.clock_error_ns:
        error = format_s(events.clock_error_ns / NS_PER_S)
        yield (
            f"The clocks of this history agree only within {error}. Its latencies are no more "
            "exact than that, and what the clocks may have caused is no violation."
        )


def _describe_length(history: History) -> Iterator[str]:
    """Yield a sentence if an imported history is too long for the charts."""
    if time_series.is_too_long(history):
        days = time_series.LOG_SECONDS_MAX // 86_400
        yield f"There are no charts: they have a value for each second, of at most {days} days."


def _describe_leftovers(counts: dict[str, int]) -> Iterator[str]:
    """Yield a sentence about what earlier runs left behind in the accounts, if there is any."""
    if any(counts.values()):
        yield (
            f"Earlier runs left messages behind in these accounts (leftovers): "
            f"{counts['pushed']:,} were pushed to users, {counts['read']:,} were read from the "
            f"history, and the audit found {counts['audited']:,}. No check counts them."
        )


def _describe_never_connected(never_connected: NeverConnected) -> Iterator[str]:
    """Yield sentences about planned users without a connection, unless the load left them out."""
    if sentence := never_connected.describe():
        yield f"The system did not admit all users: {sentence}"
    if never_connected.unaccounted:
        yield (
            f"{never_connected.unaccounted:,} planned users never connected. live.jsonl does not "
            "show whether the load started them, so nothing is expected of them."
        )


def _describe_closed_loop(run: IndicatorInput) -> str:
    """Return a clause if the sends of all users, or of some, waited for answers; else nothing."""
    names = run.history.names
    if run.history.scenario.load.model == "closed":
        return "The load was a closed loop"
    if names.driven:
        return (
            f"Locust tasks controlled {len(names.driven):,} of {len(names.users):,} users "
            "in a closed loop"
        )
    return ""
