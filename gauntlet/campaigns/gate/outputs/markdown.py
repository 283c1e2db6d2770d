"""summary.md and comment.md of a gate: the verdict and what decided it, for people."""

from collections.abc import Iterator

from gauntlet.campaigns.gate import score
from gauntlet.campaigns.gate.outcome import Comparison, Gate, Run
from gauntlet.campaigns.gate.outputs.text import shortened
from gauntlet.reports import formatting
from gauntlet.reports.markdown_text import markdown

# A job summary of more than 1 MiB is dropped as a whole, and so is a comment of 65,536 characters.
SUMMARY_BYTES_MAX = 1_000_000
COMMENT_BYTES_MAX = 60_000
_REASONS_MAX = 20
_BASELINE_MAX = 5
_MARKS = {"pass": "✅", "warn": "⚠️", "fail": "❌", "error": "❌"}
_ANSWERS = {
    "regression": "❌ worse",
    "no-regression": "✅ not worse",
    "undecided": "❔ too noisy",
    "unknown": "❔ unknown",
}
_CUT = "*The rest is left out; gate.json has all of it.*"


def summary(gate: Gate) -> str:
    """Return the page for the summary of a CI job."""
    return shortened("\n".join(_lines(gate)), SUMMARY_BYTES_MAX, _CUT) + "\n"


def comment(gate: Gate) -> str:
    """Return the comment for a pull request; its first line finds it again, to replace it."""
    text = "\n".join([f"<!-- gauntlet gate: {gate.suite} -->", *_lines(gate)])
    return shortened(text, COMMENT_BYTES_MAX, _CUT) + "\n"


def _lines(gate: Gate) -> Iterator[str]:
    verdict, status = gate.verdict, gate.verdict.status
    mark = _MARKS.get(status, "❔")
    yield f"## {mark} {status.upper()} – gate {markdown(gate.suite)} (exit {verdict.exit_code})"
    yield ""
    yield from (f"- {markdown(reason)}" for reason in gate.verdict.reasons[:_REASONS_MAX])
    if (more := len(gate.verdict.reasons) - _REASONS_MAX) > 0:
        yield f"- and {more} more reasons"
    yield ""
    yield from _calibration(gate)
    yield from _comparisons(gate)
    yield from _baseline(gate)
    yield from _runs(gate)
    yield from _score(gate)
    if gate.labels:
        labels = ", ".join(f"{name}={value}" for name, value in gate.labels.items())
        yield f"Labels: {markdown(labels)}."
        yield ""
    yield f"Gate {markdown(gate.id)}, {gate.seconds:.0f} s."


def _calibration(gate: Gate) -> Iterator[str]:
    if gate.calibration:
        yield "### What this machine can decide"
        yield ""
        yield from (f"- {markdown(f'{e.scenario}: {e.sentence}')}" for e in gate.calibration)
        yield ""


def _comparisons(gate: Gate) -> Iterator[str]:
    if not gate.comparisons:
        return
    yield "| scenario | figure | before | after | change (95 %) | limit | |"
    yield "|---|---|---|---|---|---|---|"
    for each in sorted(gate.comparisons, key=lambda each: each.outcome != "regression"):
        before, after = (_value(each, value) for value in (each.before, each.after))
        figure = f"{each.indicator} ({each.window})"
        answer = _ANSWERS[each.outcome] + (" (warning)" if each.severity == "warn" else "")
        cells = (markdown(each.scenario), markdown(figure), before, after, _change(each))
        yield f"| {' | '.join(cells)} | {100 * each.min_effect:g} % | {answer} |"
    yield ""


def _baseline(gate: Gate) -> Iterator[str]:
    """Name the gates of the baseline, so that one can see what a change is relative to."""
    if not gate.baseline:
        return
    named = ", ".join(f"{each.id} ({each.runs} runs)" for each in gate.baseline[-_BASELINE_MAX:])
    more = len(gate.baseline) - _BASELINE_MAX
    yield f"Baseline: {markdown(named)}{f', and {more} earlier gates' if more > 0 else ''}."
    yield ""


def _value(each: Comparison, value: float | None) -> str:
    return formatting.measured(each.indicator, value)


def _change(each: Comparison) -> str:
    if each.ratio is None or each.low is None or each.high is None:
        return "–"
    low, middle, high = map(formatting.change, (each.low, each.ratio, each.high))
    return f"{middle} ({low} to {high})"


def _runs(gate: Gate) -> Iterator[str]:
    yield "| scenario | runs | passed | not passed |"
    yield "|---|---|---|---|"
    for scenario in gate.scenarios:
        runs = [run for run in gate.runs if run.scenario == scenario.name]
        own = [run for run in runs if run.version == "candidate"]
        bad = [run for run in own if run.exit_code]
        passed = len(own) - len(bad)
        told = "; ".join(map(_ending, bad[:3])) + (" …" if len(bad) > 3 else "")
        yield f"| {markdown(scenario.name)} | {len(runs)} | {passed} | {told or '–'} |"
    yield ""


def _ending(run: Run) -> str:
    aside = ", repeated" if run.set_aside else ""
    return f"run {run.number}: {markdown(run.status)} (exit {run.exit_code}{aside})"


def _score(gate: Gate) -> Iterator[str]:
    total = score.total(gate.score)
    if total is None:
        return
    yield f"<details><summary>Resiliency score {total:.0f} of 100</summary>"
    yield ""
    yield "| scenario | promise | kept in | points |"
    yield "|---|---|---|---|"
    for line in gate.score:
        points = f"{line.points:.1f} of {line.weight}"
        kept = f"{line.kept} of {line.runs} runs"
        yield f"| {markdown(line.scenario)} | {markdown(line.promise)} | {kept} | {points} |"
    yield ""
    yield "The score is the sum of the points, as a share of the most that is possible."
    yield ""
    yield "</details>"
    yield ""
