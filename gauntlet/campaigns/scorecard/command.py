"""`gauntlet scorecard`: measure what the judge detects, and write the page of its score."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from gauntlet.campaigns import interrupts
from gauntlet.campaigns.progress import say
from gauntlet.campaigns.scorecard import campaign, live, mutation, page, synthetic_histories
from gauntlet.campaigns.scorecard.trials import Part, Subject
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.reports import extras

MAX_JOBS = 16
# One seed of every history and mutator, and of a few live runs: less than three minutes.
_SHORT = frozenset(
    {"bugs/ack_before_commit", "bugs/resync_skips_one", "clean/cut", "clean/no-fault"}
)


def run(options: argparse.Namespace) -> Exit:
    """Run, show, list or render."""
    if options.render:
        return _render(options.records, options.page)
    subjects = _chosen(_all(options.bugs), options.subjects)
    if options.show is not None:
        print(_scenario(_all(options.bugs), options.show), end="")
        return Exit.OK
    if options.list:
        _list(subjects, options.records)
        return Exit.OK
    for name, least, most in (("jobs", 1, MAX_JOBS), ("seeds", 1, 1000)):
        given = getattr(options, name)
        if given is not None and not least <= given <= most:
            raise ConfigError(f"--{name} must be between {least} and {most}; got {given}")
    file, seeds = options.records, options.seeds
    if options.short:
        # Always run, and apart from the records that are committed.
        file, seeds = options.out / f"short-{time.time_ns()}.jsonl", 1
        made = (Part.ANOMALIES, Part.CORRECT)
        subjects = [each for each in subjects if each.part in made or each.key in _SHORT]
    work = campaign.Campaign(file, options.out, jobs=options.jobs, say=say)
    with interrupts.explained(lambda: _progress(file, subjects, short=options.short)):
        return work.run(subjects, seeds)


def _progress(file: Path, subjects: Sequence[Subject], *, short: bool) -> str:
    """Return what an interrupted command has recorded, and how to go on."""
    records = campaign.read(file)
    recorded = sum(len(records.current(subject)) for subject in subjects)
    how = "begins again" if short else "runs the others"
    return f"trials recorded in {file}: {recorded}; the same command {how}"


def _all(bugs: Path) -> list[Subject]:
    folder = bugs if bugs.is_dir() else None
    return [
        *synthetic_histories.anomalies(),
        *synthetic_histories.correct(),
        *live.bugs(folder),
        *live.clean(),
    ]


def _chosen(subjects: Sequence[Subject], selectors: Sequence[str]) -> list[Subject]:
    """Return the subjects that any selector names: `bugs` or `bugs/ack_before_commit`."""
    for selector in selectors:
        if not any(selector in (each.part, each.key) for each in subjects):
            raise ConfigError(
                f"SUBJECT must be PART or PART/NAME, with a part of: {', '.join(Part)}; "
                f"got {selector} (see `gauntlet scorecard --list`)"
            )
    return [s for s in subjects if not selectors or s.part in selectors or s.key in selectors]


def _scenario(subjects: Sequence[Subject], key: str) -> str:
    for subject in subjects:
        if subject.key == key and subject.scenario is not None:
            options = " ".join(["gauntlet run FILE --seed SEED", *subject.options])
            return f"# {options}\n" + yaml.safe_dump(subject.scenario, sort_keys=False)
    raise ConfigError(f"--show must be a subject of bugs or clean; got {key}")


def _list(subjects: Sequence[Subject], file: Path) -> None:
    records = campaign.read(file)
    for subject in subjects:
        known = records.current(subject).values()
        bad = sum(record.bad for record in known)
        found = f"{len(known)} of {subject.seeds} seeds" + (f", {bad} wrong" if bad else "")
        print(f"{subject.key:50} {found}")


def _render(file: Path, target: Path) -> Exit:
    if not file.exists():
        raise ConfigError(f"--records must be a file of records; got {file}, which does not exist")
    records = campaign.read(file)
    extras.require("charts", "--render")
    from gauntlet.campaigns.scorecard import picture

    image = target.parent / "images" / "scorecard.svg"
    image.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page.page(records, mutation.beside(file)), encoding="utf-8")
    image.write_text(picture.draw(records), encoding="utf-8")
    print(f"wrote {target} and {image}")
    return Exit.OK
