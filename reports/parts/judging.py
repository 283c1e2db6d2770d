"""Judges a history part by part, in several processes."""

from collections.abc import Iterator, Mapping, Sequence

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import RECORD_BYTES
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.records import Shard, declared_shards, shard_file
from gauntlet.reports.history.times import order
from gauntlet.reports.parts import merging, pieces, splitting
from gauntlet.reports.parts.batches import judge_batch
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.cuts import Cuts
from gauntlet.reports.parts.judged_parts import JudgedParts, add_up
from gauntlet.reports.parts.part import Part
from gauntlet.reports.parts.preparing import are_separate, prepare
from gauntlet.reports.parts.processes import parallel
from gauntlet.reports.parts.splitting import Batch, Sizes, Span
from gauntlet.reports.parts.surveying import Surveys

# Smaller histories are judged as a whole, which is faster than to start processes.
RECORDS_MIN = 500_000


def is_large(run: RunDir) -> bool:
    """Return whether a run has so many records that it should be judged in parts."""
    sizes = (file.stat().st_size for file in run.history.glob("*.bin") if file.is_file())
    return sum(sizes) >= RECORDS_MIN * RECORD_BYTES


def judge_in_parts(
    run: RunDir,
    scenario: Scenario,
    events: Events,
    capabilities: frozenset[str],
    traits: Traits,
    sizes: Sizes,
    surveys: Surveys,
) -> JudgedParts | None:
    """Judge a run in parts, if that has the same result as to judge it as a whole.

    It has not if conversations are spread over shards, if times contradict each other, so that the
    history cannot be judged, or if a check has to compare parts: where a receiver is late, or where
    the difference between the clocks of the load and of the server is estimated from time stamps.
    HistoryError if shards are missing or not in the order of time.
    """
    declared = declared_shards(run, list(events.reconciliations), events.lost)
    files = {name: shard_file(run, name, count) for name, count in declared.items()}
    missing = [shard for shard in _shards(events) if shard[1] not in surveys.found]
    for damage in surveys.examine(run, missing):
        if isinstance(damage, str):
            raise HistoryError(damage)
    surveyed = [surveys.found[name] for name in declared]
    if problem := order.disorder({found.name: found.descents for found in surveyed}):
        raise HistoryError(problem)
    talk = [found for found in surveyed if not found.of_users]
    if not talk or not are_separate(talk):
        return None
    context = prepare(run, scenario, events, capabilities, traits, files, surveyed)
    batches = [batch for found in talk for batch in splitting.split(found, sizes)]
    cuts = pieces.plan_cuts(context, batches, sizes)
    try:
        return _judge(context, cuts, [*pieces.in_pieces(batches, cuts, sizes)])
    except pieces.InseparableError:
        # Outside of the handler, so that what the pieces showed need not be kept in memory.
        pass
    return _judge(context, {}, batches)


def _shards(events: Events) -> Iterator[Shard]:
    """Yield all shards of the workers that reconciled."""
    for row in events.reconciliations:
        for name, count in row["records"].items():
            yield int(row["worker"]), name, count


def _judge(
    context: Context, cuts: Mapping[Span, Cuts], batches: Sequence[Batch]
) -> JudgedParts | None:
    parts: list[Part] = []
    tables = merging.Tables()
    try:
        for found, columns in parallel(judge_batch, batches, context, cuts):
            pieces.check_plain(found)
            parts += found
            tables.add(columns)
    except HistoryError:
        return None
    spans = [span for batch in batches for span in batch.parts]
    return add_up(context, spans, parts, tables.joined(), pieces.crossing(spans, parts, cuts))
