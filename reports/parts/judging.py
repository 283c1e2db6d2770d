"""Judges a history part by part, in several processes.

The witnesses of a check are found in the end, in the history of those parts alone in which the
check counted violations: in it, they are the same and in the same order as in the whole. So nothing
but numbers has to be added up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import RECORD_BYTES
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports import checks
from gauntlet.reports.checks import late, resync_replay, timestamps
from gauntlet.reports.checks.finding import Finding, Verdict
from gauntlet.reports.history.arrays import Ints, Records
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import declared_shards, shard_file
from gauntlet.reports.history.times import order
from gauntlet.reports.parts import merging, pieces, splitting
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.cuts import Cuts, read_pieces
from gauntlet.reports.parts.part import Columns, Part, judge_part, shares_ids
from gauntlet.reports.parts.preparing import are_separate, prepare
from gauntlet.reports.parts.processes import parallel
from gauntlet.reports.parts.splitting import Batch, Sizes, Span

# Smaller histories are judged as a whole, which is faster than to start processes.
RECORDS_MIN = 500_000
# Witnesses are looked for in the first parts with violations, up to this number of records.
WITNESS_RECORDS_MAX = 1_000_000


@dataclass(frozen=True)
class InParts:
    """What the parts of a run showed: a history for the metrics, and what each check found."""

    history: History
    _findings: dict[str, Finding]
    _suspects: dict[str, list[Span]]
    _context: Context
    _shown: dict[tuple[Span, ...], History] = field(default_factory=dict)

    def verdicts(self, history: History) -> list[Verdict]:
        """Return every check's verdict; `history` is that of the metrics, with its proofs."""
        return [
            checks.conclude(name, self._finding(name, history), history.scenario)
            for name in checks.CHECKS
        ]

    def shown(self, check: str, history: History) -> History:
        """Return the history to which the witnesses of a check refer."""
        if not self._suspects.get(check):
            return history
        spans = tuple(self._suspects[check])
        if spans not in self._shown:
            self._shown[spans] = self._context.history(self._context.read(spans))
        return self._shown[spans].with_proofs(history.events.faults)

    def _finding(self, name: str, history: History) -> Finding:
        if name not in self._findings:
            return checks.find(name, history)
        found = self._findings[name]
        if not self._suspects.get(name):
            return found
        witnesses = checks.find(name, self.shown(name, history)).witnesses
        return replace(found, witnesses=witnesses)


def _judge_batch(
    context: Context, cuts: dict[Span, Cuts], batch: Batch
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
    context: Context, cuts: dict[Span, Cuts], batch: Batch
) -> Iterator[tuple[Records, Ints | None]]:
    """Yield the records of each part of a batch, and where those of a piece are in the shard."""
    file, clocks = context.files[batch.parts[0].shard], context.events.clocks
    if batch.first_piece is None:
        for records in splitting.read_parts(file, batch.parts, clocks):
            yield records, None
    else:
        last = batch.first_piece + len(batch.parts)
        yield from read_pieces(file, cuts[batch.parts[0]], batch.first_piece, last, clocks)


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
) -> InParts | None:
    """Judge a run in parts, if that has the same result as to judge it as a whole.

    It has not if conversations are spread over shards, if times contradict each other, so that the
    history cannot be judged, or if a check has to compare parts: where a receiver is late, or where
    the difference between the clocks of the load and of the server is estimated from time stamps.
    HistoryError if shards are missing or not in the order of time.
    """
    declared = declared_shards(run, list(events.reconciliations), events.lost)
    files = {name: shard_file(run, name, count) for name, count in declared.items()}
    surveys = list(parallel(splitting.survey, list(files.values()), events.clocks))
    if problem := order.disorder({found.name: found.descents for found in surveys}):
        raise HistoryError(problem)
    talk = [found for found in surveys if not found.of_users]
    if not talk or not are_separate(talk):
        return None
    context = prepare(run, scenario, events, capabilities, traits, files, surveys)
    batches = [batch for found in talk for batch in splitting.split(found, sizes)]
    cuts = pieces.cut(context, batches, sizes)
    try:
        return _judge(context, cuts, [*pieces.in_pieces(batches, cuts, sizes)])
    except pieces.InseparableError:
        return _judge(context, {}, batches)


def _judge(context: Context, cuts: dict[Span, Cuts], batches: Sequence[Batch]) -> InParts | None:
    parts: list[Part] = []
    tables = merging.Tables()
    try:
        for found, columns in parallel(_judge_batch, batches, context, cuts):
            pieces.check_plain(found)
            parts += found
            tables.add(columns)
    except HistoryError:
        return None
    spans = [span for batch in batches for span in batch.parts]
    return _merge(context, spans, parts, tables, pieces.crossing(spans, parts, cuts))


def _merge(
    context: Context,
    spans: list[Span],
    parts: list[Part],
    tables: merging.Tables,
    crossing: dict[str, int],
) -> InParts | None:
    punctual = late.check_parts([part.served for part in parts])
    if punctual is None or any(part.contradiction for part in parts):
        return None
    history = merging.outline(context, parts, tables.joined())
    if timestamps.may_differ(history) and any(p.findings["timestamps"].examined for p in parts):
        return None
    findings = {"late": punctual}
    suspects: dict[str, list[Span]] = {}
    for name in parts[0].findings:
        of_parts = [part.findings[name] for part in parts]
        together = _together(name, parts)
        if together:
            pieces.check_whole([parts[at] for at in together])
            apart = [each for at, each in enumerate(of_parts) if at not in together]
            united = context.history(context.read(spans[at] for at in together))
            of_parts = [*apart, replace(checks.find(name, united), witnesses=())]
        findings[name] = pieces.with_crossing(merging.add_findings(of_parts), crossing.get(name, 0))
        if findings[name].count:
            suspects[name] = _suspects(name, spans, parts, together)
    findings["resync-replay"] = resync_replay.of_run(findings["resync-replay"], history)
    return InParts(history, findings, suspects, context)


def _together(name: str, parts: list[Part]) -> list[int]:
    """Return which parts a check has to see at once, because it compares what they have.

    Ids are unique in a run. What a stranger may do counts less if acknowledged messages are lost.
    """
    if name == "ack-content":
        return shares_ids([part.ids for part in parts])
    if name == "access":
        asked = [at for at, part in enumerate(parts) if part.findings[name].count]
        lost = [at for at, part in enumerate(parts) if part.lost]
        return sorted({*asked, *lost[:1]}) if asked and lost else []
    return []


def _suspects(name: str, spans: list[Span], parts: list[Part], together: list[int]) -> list[Span]:
    """Return the first parts with violations of a check, and those that are judged together."""
    chosen, records = [], 0
    for at, part in enumerate(parts):
        if at in together or (part.findings[name].count and records < WITNESS_RECORDS_MAX):
            chosen.append(spans[at])
            records += part.records
    return chosen
