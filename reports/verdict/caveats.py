"""What a reader has to know before he trusts the numbers: what the load was not, or left out."""

from collections.abc import Iterator

from gauntlet.core.history import Miss
from gauntlet.reports.history.never_connected import Turnout
from gauntlet.reports.metrics.indicators import Facts
from gauntlet.reports.verdict import objectives

WHY: dict[Miss, str] = {
    Miss.NOBODY: "nobody was ready to send",
    Miss.QUEUE: "the sender's queue was full",
    Miss.BACKLOG: "the worker's backlog was full",
}

_WAITING = (
    "who waits for an answer sends nothing meanwhile, so a slow system was asked less, and the "
    "latencies leave that waiting out (coordinated omission)."
)


def caveats(facts: Facts) -> Iterator[str]:
    """Sentences, for the head of every account of the run."""
    if objectives.generator_limited(facts):
        # How late, and what else was at its limit, is the self-audit's to say.
        yield (
            "Generator-limited: latency and capacity objectives are not judged; the self-audit has "
            "the figures."
        )
    yield from _absent(facts.history.turnout)
    if whose := _closed(facts):
        yield f"{whose}: {_WAITING}"
    why = facts.history.missed.why.tolist()
    if why:
        intended = len(why) + int(facts.history.messages.sent.sum())
        told = {text: why.count(int(miss)) for miss, text in WHY.items()}
        causes = ", ".join(f"{count:,} because {text}" for text, count in told.items() if count)
        yield (
            f"Arrivals were missed: {len(why):,} of {intended:,} intended sends were never made, "
            f"{causes}."
        )


def _absent(turnout: Turnout) -> Iterator[str]:
    """Who was planned and never connected, unless the load did not start him."""
    if turnout.refused:
        yield f"The system let not everybody in: {turnout.refused}"
    if turnout.unsaid:
        yield (
            f"{turnout.unsaid:,} planned users never connected, and nothing tells whether the load "
            "started them (live.jsonl has no rows): nothing is expected of them."
        )


def _closed(facts: Facts) -> str:
    """Whose sends waited for answers: everybody's, or those of some who stood beside arrivals."""
    names = facts.history.names
    if facts.history.scenario.load.model == "closed":
        return "Closed loop"
    if names.driven:
        return f"Tasks drove {len(names.driven):,} of {len(names.users):,} users in a closed loop"
    return ""
