"""The page of measured guarantees, made from records alone."""

from collections.abc import Mapping, Sequence

from gauntlet.campaigns.grades.records import Record
from gauntlet.campaigns.grades.systems import (
    EXPERIMENTS,
    POWER_LOSS,
    SYSTEMS,
    Configuration,
    System,
)
from gauntlet.campaigns.markdown import item, paragraph, table

ASPECTS = ("loss", "order", "duplicates", "re-sync", "content", "attendance")
_MARKS = {"pass": "✔", "warn": "✔", "fail": "✘", "inconclusive": "?"}
_UNTESTED, _IN_MEMORY = "not tested", "in memory"

_HEAD = """\
# Measured guarantees

<!-- Generated from benchmarks/records/grades.jsonl by `make docs`: do not edit. -->

This page shows what systems kept and lost in short runs on one machine. In each run 20 users send
28 messages per second in one-to-one conversations for at least 10 s, while one of these things
happens:

{experiments}

[Measure guarantees](howto/measure-guarantees.md) describes how to repeat the runs.

A run can prove that a guarantee is violated, but not that it always holds. A process that is killed
leaves what it wrote in the page cache of the operating system; only the experiment *power* shows
whether it was on disk. It needs a disk, so configurations that keep messages in memory have none.
"""

_LEGEND = """\
The grade of a promise is the worst one of the experiments with faults: **A** held during faults,
fully judged; **B** held without faults, fully judged; **C** held, only partly judged, for example
because the protocol has no history; **F** violated, in the experiments in parentheses.

In the tables of the systems, ✔ means that every required check holds, ✘ that the named checks are
violated, ? that the run is inconclusive, and – that there is no run. The numbers are the sends that
were acknowledged (or handed over, where no acknowledgement exists) of all sends.
"""


def page(records: Mapping[str, Record]) -> str:
    """Return the page; `records` holds the last record of each cell."""
    parts = [_HEAD.format(experiments=_experiments())]
    known = [system for system in SYSTEMS if _of(records, system.name)]
    parts.append(_promises(records, known))
    parts += [_system(records, system) for system in known]
    return "\n".join(parts).rstrip() + "\n"


def _experiments() -> str:
    return "\n".join(f"- *{each.name}*: {each.about}" for each in EXPERIMENTS)


def _of(records: Mapping[str, Record], system: str, configuration: str = "") -> list[Record]:
    return [
        record
        for record in records.values()
        if record.system == system and configuration in ("", record.configuration)
    ]


def _promises(records: Mapping[str, Record], systems: Sequence[System]) -> str:
    rows = []
    for system in systems:
        for configuration in system.configurations:
            runs = _of(records, system.name, configuration.name)
            if runs:
                graded = (_promise(runs, aspect) for aspect in ASPECTS)
                about = f"{system.title}: {configuration.about}"
                rows.append([about, *graded, _power_loss(runs, configuration)])
    header = ["system and configuration", *ASPECTS, "power loss"]
    return "\n".join(["## Promises", "", table(header, rows), "", _LEGEND])


def _promise(runs: Sequence[Record], aspect: str) -> str:
    """Return the worst grade; with the experiments if a promise was violated."""
    order = [each.name for each in EXPERIMENTS]
    violated = sorted((r.experiment for r in runs if r.grades.get(aspect) == "F"), key=order.index)
    if violated:
        return f"**F** ({', '.join(violated)})"
    faulty = {each.name for each in EXPERIMENTS if each.fault}
    letters = {r.grades[aspect] for r in runs if aspect in r.grades and r.experiment in faulty}
    letters = letters or {r.grades[aspect] for r in runs if aspect in r.grades}
    return max(letters - {"–"}, default="–")


def _power_loss(runs: Sequence[Record], configuration: Configuration) -> str:
    """Return the grade of what was lost, or why there is none."""
    if not configuration.on_disk:
        return _IN_MEMORY
    found = [run for run in runs if run.experiment == POWER_LOSS]
    return _promise(found, "loss") if found else _UNTESTED


def _system(records: Mapping[str, Record], system: System) -> str:
    runs = _of(records, system.name)
    versions = sorted({record.server or "unknown version" for record in runs})
    dates = sorted({record.date for record in runs})
    commits = sorted({record.commit or "unknown" for record in runs})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    rows = [
        [f"`{c.name}`: {c.about}", *(_result(records, system, c, e.name) for e in EXPERIMENTS)]
        for c in system.configurations
    ]
    lines = [
        f"## {system.title}",
        "",
        paragraph(
            f"Server: {', '.join(versions)}. Measured: {when}. Gauntlet: {', '.join(commits)}."
        ),
        "",
        table(["configuration", *(e.name for e in EXPERIMENTS)], rows),
        "",
    ]
    return "\n".join([*lines, *_evidence(records, system)])


def _result(
    records: Mapping[str, Record], system: System, configuration: Configuration, experiment: str
) -> str:
    record = records.get(f"{system.name}/{configuration.name}/{experiment}")
    if record is None:
        return "–"
    counts = record.counts
    acked = counts["acked"] or counts.get("handed_over", 0)
    text = f"{_MARKS[record.verdict]} {acked}/{counts['ops']}"
    named = [f"`{sentence.partition(':')[0]}`" for sentence in record.violations]
    return " ".join([text, *named])


def _evidence(records: Mapping[str, Record], system: System) -> list[str]:
    """Return the sentences of what was violated or not judged, each with its command."""
    lines: list[str] = []
    for configuration in system.configurations:
        for experiment in EXPERIMENTS:
            record = records.get(f"{system.name}/{configuration.name}/{experiment.name}")
            if record is None or _MARKS[record.verdict] == "✔":
                continue
            sentences = record.violations or record.unknown or ["no required check was violated"]
            lines += [
                f"{_MARKS[record.verdict]} `{record.configuration}`, {record.experiment}:",
                "",
                *(item(sentence) for sentence in sentences),
                "",
                "```console",
                f"$ {record.command}",
                "```",
                "",
            ]
    return lines
