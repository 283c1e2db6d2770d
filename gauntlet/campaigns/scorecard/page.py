"""The page of the scorecard, made from records alone."""

import statistics
from collections import Counter
from collections.abc import Sequence

from gauntlet.campaigns.markdown import item, paragraph, table
from gauntlet.campaigns.scorecard.trials import BUSY_LOAD, Part, Record, Records
from gauntlet.campaigns.scorecard.wilson import interval

_HEAD = """\
# Scorecard of the judge

<!-- Generated from benchmarks/records by `make docs`: do not edit. -->

This page shows what the judge detects and what it misses. It is made from the records of
`gauntlet scorecard` ([options](reference/cli.md#options-of-scorecard)), which has four parts:

- *anomalies*: correct histories are generated, and a mutator breaks one promise in each. The run
  must fail, and the check of the anomaly must be the first reason.
- *correct*: histories that are unusual but correct. None may fail.
- *bugs*: a server with a seeded bug runs for 8 to 12 s under load and faults. The run must fail,
  and the first reason must have one of the names that are right for the bug.
- *clean*: a correct server runs as long under faults. No run may fail.

Shares have the 95 % confidence interval of Wilson's score. *Detected at* is the median time on the
timeline of a run at which the earliest witness of the first reason happened. The verdict itself
comes after the run.

![Detection and alarms](images/scorecard.svg)
"""


def page(records: Records, mutants: str = "") -> str:
    """Return the page; `mutants` is its last part."""
    parts = [_HEAD, _summary(records), _evidence(records)]
    for part, title in (
        (Part.BUGS, "Seeded server bugs"),
        (Part.ANOMALIES, "Anomalies in generated histories"),
    ):
        if records.of_part(part):
            parts.append(_detections(records, part, title))
    for part, title in (
        (Part.CLEAN, "Clean runs under faults"),
        (Part.CORRECT, "Unusual but correct histories"),
    ):
        if records.of_part(part):
            parts.append(_alarms(records, part, title))
    parts.append(mutants)
    return "\n".join(parts).rstrip() + "\n"


def share(hits: int, trials: int) -> str:
    """Return a share with its interval, as in `19 of 20 (76–99 %)`."""
    low, high = (round(100 * end) for end in interval(hits, trials))
    return f"{hits} of {trials} ({low}–{high} %)"


def judged(records: Sequence[Record]) -> list[Record]:
    """Return the records with a verdict."""
    return [record for record in records if record.counts]


def _summary(records: Records) -> str:
    rows = []
    for part in Part:
        found = judged(records.of_part(part))
        if not found:
            rows.append([part, "0", "0", "–", "–", "–"])
            continue
        wrong = sum(record.bad for record in found)
        detected = sum(record.detected for record in found)
        named = sum(record.named for record in found)
        rows.append(
            [
                part,
                str(len(records.keys(part))),
                str(len(found)),
                share(detected, len(found)) if part.wrong else "–",
                share(named, len(found)) if part.wrong else "–",
                "–" if part.wrong else share(wrong, len(found)),
            ]
        )
    header = ["part", "subjects", "runs", "detected", "right name first", "false alarms"]
    return "\n".join(["## Summary", "", table(header, rows), ""])


def _evidence(records: Records) -> str:
    every = [record for part in Part for record in records.of_part(part)]
    if not every:
        return "There are no records yet.\n"
    dates = sorted({record.date for record in every})
    commits = sorted({record.commit or "unknown" for record in every})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    busy = sum(record.load > BUSY_LOAD for record in every)
    text = f"Measured: {when}. Gauntlet: {', '.join(commits)}."
    if busy:
        text += (
            f" {busy:,} of {len(every):,} trials ended while the machine was busy: its load "
            "average was above 1 per core. Their verdicts are about correctness and count, their "
            "durations do not."
        )
    unsettled = [record for record in every if not record.counts]
    lines = [paragraph(text), ""]
    if unsettled:
        lines += [
            paragraph(
                f"{len(unsettled)} further trials count neither as detected nor as missed: they "
                "ended without a verdict, or inconclusive while the machine was busy, or the bug "
                "never acted and the run did not fail."
            ),
            "",
            *(_item(record) for record in unsettled),
            "",
        ]
    return "\n".join(lines)


def _item(record: Record) -> str:
    sentence = record.sentence or ("the bug never acted" if record.idle else "there is no reason")
    return item(f"`{record.key}`, seed {record.seed}, {record.verdict}: {_one_line(sentence)}")


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")


def _detections(records: Records, part: Part, title: str) -> str:
    rows, items = [], list[str]()
    for key in records.keys(part):
        found = judged(records.of(key))
        if not found:
            continue
        detected = [record for record in found if record.detected]
        times = [record.detected_s for record in detected if record.detected_s is not None]
        firsts = Counter(record.first or record.verdict for record in found)
        rows.append(
            [
                f"`{found[0].subject}`: {_one_line(found[0].about)}",
                share(len(detected), len(found)),
                f"{sum(record.named for record in found)} of {len(found)}",
                ", ".join(f"`{name}` ×{count}" for name, count in firsts.most_common()),
                f"{statistics.median(times):.1f} s" if times else "–",
            ]
        )
        items += [_item(record) for record in found if record.bad]
    header = [
        part[:-1] if part is Part.BUGS else "anomaly",
        "detected",
        "right name first",
        "first reason",
        "detected at",
    ]
    lines = [f"## {title}", "", table(header, rows), ""]
    return "\n".join([*lines, *_listed("Missed:", items)])


def _alarms(records: Records, part: Part, title: str) -> str:
    rows, items = [], list[str]()
    for key in records.keys(part):
        found = judged(records.of(key))
        if not found:
            continue
        verdicts = Counter(record.verdict for record in found)
        rows.append(
            [
                f"`{found[0].subject}`: {_one_line(found[0].about)}",
                ", ".join(f"{verdict} ×{count}" for verdict, count in verdicts.most_common()),
                str(sum(record.bad for record in found)),
            ]
        )
        items += [_item(record) for record in found if record.bad]
    lines = [f"## {title}", "", table(["run", "verdicts", "alarms"], rows), ""]
    return "\n".join([*lines, *_listed("Alarms:", items)])


def _listed(title: str, items: list[str]) -> list[str]:
    return [title, "", *items, ""] if items else []
