"""The pieces of large conversations in place of their parts, and what they add up to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from gauntlet.core.scenario import leftovers
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.reports.checks.finding import Finding
from gauntlet.reports.parts import seams
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.cuts import Cuts, plan
from gauntlet.reports.parts.part import Part
from gauntlet.reports.parts.splitting import Batch, Sizes, Span


class InseparableError(Exception):
    """What the checks compare crosses a cut, so that a conversation has to be judged as a whole."""


def plan_cuts(context: Context, batches: Sequence[Batch], sizes: Sizes) -> dict[Span, Cuts]:
    """Return how to cut each large conversation that can be cut.

    Its messages need positions, all written in this run, and an audit that shows that each position
    exists. What the server may delete depends on how many messages follow.
    """
    if (
        not {SERVER_SEQ, HISTORY} <= context.capabilities
        or context.traits.retention is not None
        or leftovers.are_possible(context.scenario, context.capabilities)
    ):
        return {}
    found = {}
    for batch in batches:
        span = batch.parts[0]
        if batch.records > sizes.whole and 0 < span.first == span.last == batch.parts[-1].last:
            cuts = plan(context.files[span.shard], span.first, batch.records, sizes.part)
            if cuts is not None:
                found[span] = cuts
    return found


def in_pieces(batches: Sequence[Batch], cuts: Mapping[Span, Cuts], sizes: Sizes) -> Iterator[Batch]:
    """Yield the batches, with batches of pieces in place of conversations that are cut."""
    for batch in batches:
        span = batch.parts[0]
        if span not in cuts:
            yield batch
            continue
        pieces = cuts[span].pieces
        records = -(-batch.records // pieces)
        edges = [*range(0, pieces, max(1, sizes.batch // records)), pieces]
        for first, last in pairwise(edges):
            yield Batch((span,) * (last - first), records * (last - first), first)


def check_plain(parts: Sequence[Part]) -> None:
    """Raise InseparableError if a piece shows anything that its conversation must be judged for."""
    for part in parts:
        if part.ends is not None and (part.contradiction or not part.ends.is_plain):
            raise InseparableError


def check_whole(parts: Sequence[Part]) -> None:
    """Raise InseparableError if one of some parts is a piece: these have to be read together."""
    if any(part.ends is not None for part in parts):
        raise InseparableError


def crossing(
    spans: Sequence[Span], parts: Sequence[Part], cuts: Mapping[Span, Cuts]
) -> dict[str, int]:
    """Return how many examined things cross cuts, by check; InseparableError if others do."""
    added: dict[str, int] = {}
    for span, of_span in cuts.items():
        pieces = [part for own, part in zip(spans, parts, strict=True) if own == span]
        found = seams.find_crossing(
            [part.ends for part in pieces if part.ends is not None], of_span
        )
        if found is None:
            raise InseparableError
        for check, count in found.added_to(pieces[0].findings).items():
            added[check] = added.get(check, 0) + count
    return added


def with_crossing(finding: Finding, count: int) -> Finding:
    """Return a finding with further examined things."""
    not_applicable = "" if count else finding.not_applicable
    return replace(finding, examined=finding.examined + count, not_applicable=not_applicable)
