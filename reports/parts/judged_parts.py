"""What the parts of a run showed together: the verdict of every check, with its witnesses.

The witnesses of a check are found in the end, in the history of those parts alone in which the
check counted violations: in it, they are the same and in the same order as in the whole. So nothing
but numbers has to be added up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gauntlet.reports import checks
from gauntlet.reports.checks import late, resync_replay, timestamps
from gauntlet.reports.checks.finding import Finding, Verdict
from gauntlet.reports.history.history import History
from gauntlet.reports.parts import merging, pieces
from gauntlet.reports.parts.columns import Columns
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.part import Part, shares_ids
from gauntlet.reports.parts.splitting import Span

# Witnesses are looked for in the first parts with violations, up to this number of records.
WITNESS_RECORDS_MAX = 1_000_000


@dataclass(frozen=True)
class JudgedParts:
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


def add_up(
    context: Context,
    spans: Sequence[Span],
    parts: Sequence[Part],
    columns: Columns,
    crossing: Mapping[str, int],
) -> JudgedParts | None:
    """Return what some parts showed together; None if only the whole history can show it.

    `crossing` is how many examined things of each check are in no piece of a conversation.
    """
    punctual = late.check_parts([part.served for part in parts])
    if punctual is None or any(part.contradiction for part in parts):
        return None
    history = merging.metrics_history(context, parts, columns)
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
    return JudgedParts(history, findings, suspects, context)


def _together(name: str, parts: Sequence[Part]) -> list[int]:
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


def _suspects(
    name: str, spans: Sequence[Span], parts: Sequence[Part], together: list[int]
) -> list[Span]:
    """Return the first parts with violations of a check, and those that are judged together."""
    chosen, records = [], 0
    for at, part in enumerate(parts):
        if at in together or (part.findings[name].count and records < WITNESS_RECORDS_MAX):
            chosen.append(spans[at])
            records += part.records
    return chosen
