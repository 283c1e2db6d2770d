"""Reads the parts of a batch, or the pieces of one conversation, and judges them."""

from collections.abc import Iterator, Mapping

from gauntlet.reports.history.arrays import Ints, Records
from gauntlet.reports.parts import merging, splitting
from gauntlet.reports.parts.columns import Columns
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.cuts import Cuts, read_pieces
from gauntlet.reports.parts.part import Part, judge_part
from gauntlet.reports.parts.splitting import Batch, Span


def judge_batch(
    context: Context, cuts: Mapping[Span, Cuts], batch: Batch
) -> tuple[list[Part], Columns]:
    """Return what is to be kept of each part of a batch, and the columns of all of them."""
    parts: list[Part] = []
    tables = merging.Tables()
    for records, index in _read(context, cuts, batch):
        part, columns = judge_part(context, records, index)
        parts.append(part)
        tables.add(columns)
    return parts, tables.joined()


def _read(
    context: Context, cuts: Mapping[Span, Cuts], batch: Batch
) -> Iterator[tuple[Records, Ints | None]]:
    """Yield the records of each part of a batch, and where those of a piece are in the shard."""
    file, clocks = context.files[batch.parts[0].shard], context.events.clocks
    if batch.first_piece is None:
        for records in splitting.read_parts(file, batch.parts, clocks):
            yield records, None
    else:
        last = batch.first_piece + len(batch.parts)
        yield from read_pieces(file, cuts[batch.parts[0]], batch.first_piece, last, clocks)
