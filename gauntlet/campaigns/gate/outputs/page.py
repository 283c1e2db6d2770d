"""gate.html: the page of a gate for a person, complete without scripts and without a network."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gauntlet.campaigns.gate import score
from gauntlet.campaigns.gate.comparing import calibration, decision
from gauntlet.campaigns.gate.outcome import Calibrated, Comparison, Gate, Run
from gauntlet.campaigns.gate.outputs import findings, forest, wording
from gauntlet.core import labels
from gauntlet.core.errors import Exit
from gauntlet.reports import formatting
from gauntlet.reports.markdown_text import plain
from gauntlet.reports.render import pages
from gauntlet.reports.render.pages import Section
from gauntlet.reports.render.sections.verdict import HEADLINES

TEMPLATES = Path(__file__).parent / "templates"
NAME, STYLE = "gate.html", "gate.css"
_REASONS_SHOWN = 3
_TONES = {"regression": "invalid", "no-regression": "valid"}
_MODES = {
    "absolute": "correctness only",
    "against": "compared with a reference, in pairs of runs",
    "baseline": "compared with a stored baseline",
    "calibration": "calibration: both versions are the same",
}


class Link(NamedTuple):
    """Where a run is explained: its report, or what it printed."""

    href: str
    is_report: bool


Links = Mapping[str, Link]  # by the path of the run


def document(gate: Gate, links: Links) -> str:
    """Return the page; `links` lead to the reports of the runs that have one."""
    compared = wording.worst_first(gate.comparisons)
    cards = findings.cards(gate)
    sections = [Section("verdict", "banner", _banner(gate, compared, links))]
    if compared:
        sections.append(Section("comparisons", "comparisons", _comparisons(gate, compared)))
    sections.append(Section("correctness", "correctness", {"cards": cards}))
    if gate.calibration or gate.past_calibration:
        # It is the answer of a calibration, and only an addition to that of another gate.
        place = -1 if gate.calibration else len(sections)
        sections.insert(place, Section("calibration", "calibration", _calibration(gate)))
    if gate.score:
        sections.append(Section("score", "score", _score(gate)))
    sections.append(Section("versions", "versions", _versions(gate)))
    sections.append(Section("runs", "runs", _runs(gate)))
    shared = {"gate": gate, "links": links}
    title = f"Gate {gate.suite} – {gate.verdict.status}"
    return plain(pages.page(title, sections, shared, None, STYLE, TEMPLATES))


def style() -> str:
    """Return the style of the page, for the file beside it that strict content policies allow."""
    return pages.style(TEMPLATES)


def _banner(gate: Gate, compared: Sequence[Comparison], links: Links) -> dict[str, Any]:
    status = gate.verdict.status
    calibrated = gate.mode == "calibration" and gate.verdict.exit_code == Exit.OK
    # The sentence says already that all is well, and a warning is worth its own line.
    sentences = () if status == "pass" else gate.verdict.reasons
    return {
        "status": status,
        "headline": "Calibrated" if calibrated else HEADLINES[status],
        "sentence": wording.verdict(gate),
        "reasons": [(each, _evidence(each, gate, compared, links)) for each in sentences],
        "shown": _REASONS_SHOWN,
        "mode": _MODES[gate.mode],
        "labels": labels.text(gate.labels),
        "started": gate.started.replace("T", " "),
        "duration": _duration(gate.seconds),
        "tiles": list(_tiles(gate)),
    }


def _evidence(reason: str, gate: Gate, compared: Sequence[Comparison], links: Links) -> str | None:
    """Return where the evidence for a reason of the verdict is."""
    for at, each in enumerate(compared):
        if reason.removeprefix("Warning: ") == f"{each.scenario}: {each.sentence}":
            return f"#compared-{at}"
    for run in gate.runs:
        word = "run" if run.version == "candidate" else "reference"
        if run.path in links and reason.startswith(f"{run.scenario}, {word} {run.number}: "):
            link = links[run.path]
            anchors = [
                case.anchor
                for case in run.cases
                if case.anchor and case.sentence and case.sentence in reason
            ]
            return f"{link.href}#{anchors[0]}" if anchors and link.is_report else link.href
    return None


def _tiles(gate: Gate) -> Iterator[dict[str, Any]]:
    equal = gate.mode == "calibration"
    own = [run for run in wording.counted(gate) if equal or run.version == "candidate"]
    passed = sum(run.exit_code == Exit.OK for run in own)
    yield {
        "label": "runs passed" if equal else "runs of the candidate passed",
        "value": f"{passed} of {len(own)}",
        "note": "every run counts" if own else "no run counts",
        "bad": any(run.exit_code == Exit.FAILED for run in own),
    }
    if equal:
        known = [each.smallest for each in gate.calibration if each.smallest is not None]
        whole = known and len(known) == len(gate.calibration)
        value = f"{100 * max(known):g} %" if whole else "–"
        note = "of every figure, in 95 % of gates"
        yield {"label": "smallest change found", "value": value, "note": note, "bad": False}
    elif gate.comparisons:
        worse = sum(each.outcome == "regression" for each in gate.comparisons)
        better = sum(each.outcome == "no-regression" for each in gate.comparisons)
        left = len(gate.comparisons) - worse - better
        yield {
            "label": "compared figures that got worse",
            "value": f"{worse} of {len(gate.comparisons)}",
            "note": _counted({"not worse": better, "undecided": left}),
            "bad": worse > 0,
        }
        counts = sorted({each.count for each in gate.comparisons})
        value = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        label = "pairs of runs" if gate.mode == "against" else "runs of the candidate"
        note = "can be used" if len(counts) == 1 else "can be used, depending on the figure"
        yield {"label": label, "value": value, "note": note, "bad": False}
    else:
        note = "this gate is about correctness only"
        yield {"label": "compared figures", "value": "none", "note": note, "bad": False}
    total = score.total(gate.score)
    if total is not None:
        note = "of 100; explains, and does not decide"
        yield {"label": "resiliency score", "value": f"{total:.0f}", "note": note, "bad": False}


def _counted(numbers: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{number} {name}" for name, number in numbers.items() if number)
        or "no other figure"
    )


def _comparisons(gate: Gate, compared: Sequence[Comparison]) -> dict[str, Any]:
    rows = [
        {
            "figure": formatting.figure(each.indicator),
            "indicator": each.indicator,
            "scenario": each.scenario,
            "window": formatting.window(each.window),
            **_values(each),
            "change": formatting.change(each.ratio or 1) if forest.is_known(each) else "–",
            "interval": _interval(each),
            "drawing": drawing,
            "limit": wording.signed_limit(each),
            "tone": _TONES.get(each.outcome, "unknown"),
            "decision": wording.decision(gate, each),
            "count": each.count,
            "p": _probability(each.p_corrected),
            "why": each.sentence if each.outcome == "unknown" else "",
        }
        for each, drawing in zip(compared, forest.rows(compared, gate.runs), strict=True)
    ]
    below = gate.significant_below
    return {
        "rows": rows,
        "width": forest.WIDTH,
        "unit": wording.measurements(gate),
        "reference": "baseline" if gate.mode == "baseline" else "reference",
        "significant_below": "" if below is None else f"{below:.2g}",
        "is_paired": gate.mode == "against",
        "is_calibrated": gate.past_calibration is not None,
        "open": any(each.outcome in ("undecided", "unknown") for each in compared),
    }


def _values(each: Comparison) -> dict[str, str]:
    before, after = formatting.same_decimals(_value(each, each.before), _value(each, each.after))
    return {"before": before, "after": after}


def _value(each: Comparison, value: float | None) -> str:
    known = value is not None and math.isfinite(value)
    if not known:
        return "–"
    text = formatting.measured(each.indicator, value)
    words = " per second"  # which the figure says, too
    return text.removesuffix(words) if formatting.figure(each.indicator).endswith(words) else text


def _interval(each: Comparison) -> str:
    if each.low is None or each.high is None or not forest.is_known(each):
        return ""
    return f"{formatting.change(each.low)} to {formatting.change(each.high)}"


def _probability(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _calibration(gate: Gate) -> dict[str, Any]:
    past = None if gate.calibration else gate.past_calibration
    return {
        "past": past,
        "rows": [
            {
                "figure": formatting.figure(each.indicator),
                "indicator": each.indicator,
                "scenario": each.scenario,
                "window": formatting.window(each.window),
                "smallest": _smallest(each),
                "noise": _share(each.noise, 1),
                "false_red": _share(each.false_red, 1),
                "decided": _share(each.decided, 0),
                "pairs": each.pairs,
                "is_known": _is_known(each),
                "sentence": each.sentence,
            }
            for each in (past.figures if past else gate.calibration)
        ],
    }


def _is_known(each: Calibrated) -> bool:
    """Return whether there were enough pairs; equal runs can also agree exactly."""
    return each.pairs >= decision.SAMPLES_MIN


def _smallest(each: Calibrated) -> str:
    if each.smallest is None:
        return f"none up to {100 * max(calibration.CHANGES):g} %" if _is_known(each) else "unknown"
    return f"{100 * each.smallest:g} %"


def _share(value: float, digits: int) -> str:
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else "–"


def _score(gate: Gate) -> dict[str, Any]:
    return {"total": f"{score.total(gate.score) or 0.0:.0f}", "weights": score.WEIGHTS}


def _versions(gate: Gate) -> dict[str, Any]:
    versions = ["candidate", "reference"]
    if gate.mode not in ("against", "calibration"):
        versions = ["candidate"]
    names = list(dict.fromkeys(name for run in gate.runs for name in run.system))
    rows = [(name, [_system(gate, each, name) for each in versions]) for name in names]
    if gate.labels:
        text = labels.text(gate.labels)
        rows.insert(0, ("labels", [text, *[""] * (len(versions) - 1)]))
    return {
        "versions": versions,
        "rows": [(name, values, len(set(values)) > 1) for name, values in rows],
        "machine": ", ".join(
            _part(name, value) for name, value in gate.machine.items() if value is not None
        ),
        "is_baseline": gate.mode == "baseline",
        "baseline": [
            (each.started.replace("T", " "), each.id, each.runs, each.file, each.sha256)
            for each in gate.baseline
        ],
    }


def _part(name: str, value: int | str) -> str:
    """Return a property of the machine in words."""
    match name, value:
        case "memory_mb", int():
            return f"{formatting.number(value)} MB of memory"
        case "system", _:
            return str(value)
        case "python", _:
            return f"Python {value}"
        case _:
            return f"{value} {name}"


def _system(gate: Gate, version: str, name: str) -> str:
    """Return what the runs of a version say of their system; it can differ between scenarios."""
    values = (run.system.get(name, "") for run in gate.runs if run.version == version)
    return "; ".join(value for value in dict.fromkeys(values) if value)


def _runs(gate: Gate) -> dict[str, Any]:
    return {
        "rows": [
            {
                "run": run,
                "tone": _run_tone(run),
                "seconds": _duration(run.seconds),
            }
            for run in gate.runs
        ]
    }


def _run_tone(run: Run) -> str:
    if run.exit_code == Exit.OK:
        return "valid"
    return "invalid" if run.exit_code in (Exit.FAILED, Exit.ROLLBACK) else "unknown"


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
