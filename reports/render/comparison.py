"""The page of a comparison: what differs between runs, and whether that can be compared at all."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gauntlet.reports import extras, formatting
from gauntlet.reports.comparison import rows
from gauntlet.reports.comparison.saved_run import SavedRun
from gauntlet.reports.damage import as_history_error
from gauntlet.reports.render import interval_bar, pages
from gauntlet.reports.render.charts import thinning
from gauntlet.reports.render.pages import Section

_ANSWERS = {
    "yes": ("pass", "Comparable", "Nothing is known to differ but what was compared."),
    "with reservations": (
        "warn",
        "Comparable, with reservations",
        "A difference may also come from what is listed here.",
    ),
    "no": (
        "fail",
        "Not comparable",
        "A difference proves nothing about the system, because of what is listed here.",
    ),
}
_MARKS = {"pass": "valid", "warn": "unknown", "fail": "invalid"}
_VERDICTS = {"valid": "valid", "invalid": "invalid", "error": "invalid", "aborted": "invalid"}
_TONES = {"better": "valid", "worse": "invalid"}
_COLOURS = ("--blue", "--vermilion", "--green", "--purple", "--orange", "--sky")
_DASHES: tuple[list[int], ...] = ([], [8, 4], [2, 3], [9, 3, 2, 3])
_SERIES = ("second", "acked", "delivery_p99_ms", "ack_p99_ms")
_CHARTS = (
    ("acked", "acknowledged per second", ""),
    ("delivery_p99_ms", "p99 until delivered", "ms"),
    ("ack_p99_ms", "p99 until acknowledged", "ms"),
)


def write(file: Path, found: dict[str, Any], runs: Sequence[SavedRun]) -> None:
    """Write the page of a comparison, and the style beside it for strict content policies.

    HistoryError if a run is damaged.
    """
    css = file.with_suffix(".css")
    with as_history_error((run.directory.path for run in runs), "compared"):
        text = html(found, runs, css.name)
    file.write_text(text, encoding="utf-8")
    css.write_text(pages.style(), encoding="utf-8")


def html(found: dict[str, Any], runs: Sequence[SavedRun], css: str) -> str:
    """Return the page as one self-contained file."""
    drawn = [run for run in runs if _has_series(run)]
    longest = max((len(run.result["series"]["second"]) for run in drawn), default=0)
    step_s = thinning.step_of(longest)
    series = {run.name: _thinned(run, step_s) for run in drawn}
    sections = [Section("summary", "comparison", _summary(found))]
    if drawn:
        sections.append(
            Section("charts", "comparison_charts", _charts(runs, drawn, series, step_s))
        )
    confidence = round(100 * found["confidence"])
    sections += [
        Section(f"run-{pair['b']}", "comparison_pair", _pair(pair, confidence))
        for pair in found["comparisons"]
    ]
    names = " and ".join(run["id"] for run in found["runs"][:2])
    more = len(found["runs"]) - 2
    title = f"{names}{f' and {more} more' if more else ''}, compared"
    data = _interactive(drawn, series) if drawn else None
    return pages.page(title, sections, {}, data, css)


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    answers = []
    for pair in found["comparisons"]:
        tone, headline, meaning = _ANSWERS[pair["comparable"]]
        answers.append(
            {
                "name": pair["b"],
                "possible": pair["comparable"] != "no",
                "tone": tone,
                "headline": headline,
                "meaning": meaning if pair["obstacles"] else _ANSWERS["yes"][2],
                "outcome": _outcome(pair),
                "verdicts": [
                    {**row, "mark": _MARKS.get(row["b"], _VERDICTS.get(row["b"], "unknown"))}
                    for row in pair["verdicts"]
                ],
                "sentences": _sentences(pair),
                "obstacles": pair["obstacles"],
            }
        )
    others = [pair["b"] for pair in found["comparisons"]]
    which = others[0] if len(others) == 1 else f"{len(others)} runs"
    return {
        "title": f"{which} compared with A",
        "labelled": any(run["labels"] for run in found["runs"]),
        "runs": [
            {**run, "labels": rows.labels_of(run), "mark": _MARKS.get(run["status"], "unknown")}
            for run in found["runs"]
        ],
        "answers": answers,
        "confidence": round(100 * found["confidence"]),
    }


def _outcome(pair: dict[str, Any]) -> str:
    """Return how many of the main figures changed for better or worse, in one sentence."""
    found = rows.build(pair, complete=False)
    counts = {tone: sum(row.tone == tone for row in found) for tone in ("worse", "better")}
    if pair["comparable"] == "no" or not found:
        return ""
    parts = [
        f"{count or 'none'} {'is' if count == 1 else 'are'} {tone}"
        for tone, count in counts.items()
    ]
    return f"Of {len(found)} main figures, {' and '.join(parts)}."


def _sentences(pair: dict[str, Any]) -> list[dict[str, str]]:
    """Return the sentences on the most important figures; those that changed have a mark."""
    tones = {
        f"{row.indicator} {formatting.window(row.window)}": row.tone
        for row in rows.build(pair, complete=True)
    }
    found = [(text, tones.get(text.partition(":")[0], "")) for text in pair["sentences"]]
    return [
        {
            "text": text,
            "mark": _TONES.get(tone, ""),
            "word": tone if tone in _TONES else "",
        }
        for text, tone in found
    ]


def _pair(pair: dict[str, Any], confidence: int) -> dict[str, Any]:
    figures = {
        complete: [
            {
                **row._asdict(),
                "words": formatting.figure(row.indicator),
                "when": formatting.window(row.window),
                "bar": interval_bar.layout(difference),
            }
            for row, difference in zip(
                rows.build(pair, complete=complete),
                rows.shown(pair, complete=complete),
                strict=True,
            )
        ]
        for complete in (False, True)
    }
    return {
        "a": pair["a"],
        "b": pair["b"],
        "confidence": confidence,
        "main": figures[False],
        "all": figures[True],
        "width": interval_bar.WIDTH,
        "verdicts": pair["verdicts"],
        "configuration": pair["configuration"],
    }


def _charts(
    runs: Sequence[SavedRun],
    drawn: Sequence[SavedRun],
    series: dict[str, dict[str, list[Any]]],
    step_s: int,
) -> dict[str, Any]:
    install = extras.install_command("charts")
    if not extras.is_installed("charts"):
        return {"overlay": None, "distributions": [], "install": install}
    # Importing matplotlib takes longer than all else that a command needs to start.
    from gauntlet.reports.render.charts import distribution, overlay

    lines = [overlay.Line(run.name, series[run.name]) for run in drawn]
    distributions = []
    for kind, title in (("delivery", "until delivered"), ("ack", "until acknowledged")):
        percentiles = {
            run.name: row
            for run in runs
            if (row := (run.result["latency"] or {}).get(kind, {}).get("steady"))
        }
        if percentiles:
            label = f"Percentiles of the latencies {title} of each run, in steady load"
            markup = distribution.markup(percentiles, f"distribution-{kind}", label)
            distributions.append({"title": title, "markup": markup})
    faults = drawn[0].result["faults"]
    pictures = {"overlay": overlay.markup(lines, faults, step_s), "distributions": distributions}
    return {**pictures, "install": install}


def _has_series(run: SavedRun) -> bool:
    return bool(run.result["series"].get("second")) and all(
        name in run.result["series"] for name in _SERIES
    )


def _thinned(run: SavedRun, step_s: int) -> dict[str, list[Any]]:
    chosen = {name: run.result["series"][name] for name in _SERIES}
    return thinning.thin(chosen, step_s)


def _interactive(
    drawn: Sequence[SavedRun], series: dict[str, dict[str, list[Any]]]
) -> dict[str, Any]:
    """Return what the scripts draw; shorter runs end with rows without a value."""
    x = max((series[run.name]["second"] for run in drawn), key=len)
    return {
        "x": x,
        "faults": [
            {
                "id": fault["id"],
                "from": fault["effective_at_s"],
                "to": fault.get("healed_at_s"),
                "until": fault.get("recovered_at_s"),
            }
            for fault in drawn[0].result["faults"]
            if fault.get("effective_at_s") is not None
        ],
        "violations": [],
        "charts": [
            {
                "figure": "figure-overlay",
                "title": title,
                "unit": unit,
                "limits": [],
                "lines": [
                    {
                        "name": run.name,
                        "colour": _COLOURS[at % len(_COLOURS)],
                        "dash": _DASHES[(at // len(_COLOURS) + at) % len(_DASHES)],
                        "values": _padded(series[run.name][key], len(x)),
                    }
                    for at, run in enumerate(drawn)
                ],
            }
            for key, title, unit in _CHARTS
        ],
    }


def _padded(column: list[Any], size: int) -> list[Any]:
    known = [None if isinstance(each, float) and math.isnan(each) else each for each in column]
    return known + [None] * (size - len(known))
