"""What the scorecard tries: subjects, each with several seeds, and the record of each trial."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

# The verdicts that a repetition with the same seed is not expected to change.
_SETTLED = frozenset({"pass", "warn", "fail", "inconclusive"})
_GREEN = frozenset({"pass", "warn"})
BUSY_LOAD = 1.0  # the load average per core above which the machine was busy


class Part(enum.StrEnum):
    """A part of the scorecard. The first two judge synthetic histories, the others live runs."""

    ANOMALIES = "anomalies"
    CORRECT = "correct"
    BUGS = "bugs"
    CLEAN = "clean"

    @property
    def wrong(self) -> bool:
        """Whether its subjects are wrong, so that the judge must report them."""
        return self in (Part.ANOMALIES, Part.BUGS)


class Subject(NamedTuple):
    """Something to try. `expected` are the names of which the first reason must have one.

    A live subject has a scenario, and may have further options of `gauntlet run`. With a subject
    that was missed, `seeds_if_missed` are tried.
    """

    part: Part
    name: str
    about: str
    fingerprint: str
    seeds: int
    seeds_if_missed: int
    expected: tuple[str, ...] = ()
    scenario: dict[str, Any] | None = None
    options: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name on the command line."""
        return f"{self.part}/{self.name}"


class Trial(NamedTuple):
    """One subject with one seed."""

    subject: Subject
    seed: int

    @property
    def name(self) -> str:
        """The name that messages and folders show."""
        return f"{self.subject.key}/{self.seed}"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one trial.

    `detected_s` is when the first reason's earliest witness happened, in seconds of the run's
    timeline; `seconds` is how long the trial took; `load` is the 1-minute load average per core
    when it ended. Above 1, the machine was busy: the verdict counts, durations do not. `acted` is
    whether the bug reported in a log that it acted, for bugs that do; if it did not, a green run is
    no miss.
    """

    part: Part
    subject: str
    about: str
    seed: int
    fingerprint: str
    commit: str | None
    expected: list[str]
    verdict: str
    first: str
    reasons: list[str]
    sentence: str
    seconds: float
    detected_s: float | None
    load: float
    date: str
    acted: bool | None = None

    @property
    def key(self) -> str:
        """The key of its subject."""
        return f"{self.part}/{self.subject}"

    @property
    def settled(self) -> bool:
        """Whether the trial has a verdict, other than one about the harness."""
        return self.verdict in _SETTLED

    @property
    def doubtful(self) -> bool:
        """Whether a quieter machine may give a verdict: this one left the run inconclusive."""
        return self.verdict == "inconclusive" and self.load > BUSY_LOAD

    @property
    def idle(self) -> bool:
        """Whether there was nothing to detect: the bug never acted, and the run did not fail."""
        return self.acted is False and not self.detected

    @property
    def counts(self) -> bool:
        """Whether the trial says something about the judge."""
        return self.settled and not self.doubtful and not self.idle

    @property
    def detected(self) -> bool:
        """Whether the run failed."""
        return self.verdict == "fail"

    @property
    def named(self) -> bool:
        """Whether the first reason has one of the expected names."""
        return self.detected and self.first in self.expected

    @property
    def bad(self) -> bool:
        """Whether it is a finding about the judge: a miss, or a false alarm."""
        if self.part.wrong:
            return self.counts and not self.detected
        return self.detected or (self.part is Part.CORRECT and self.verdict not in _GREEN)


class Records:
    """The last record of each trial; those of an earlier fingerprint of a subject do not count."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._of: dict[str, dict[int, Record]] = defaultdict(dict)
        for record in records:
            trials = self._of[record.key]
            if any(known.fingerprint != record.fingerprint for known in trials.values()):
                trials.clear()
            trials[record.seed] = record

    def of(self, key: str) -> list[Record]:
        """Return the records of a subject, by seed."""
        return [record for _, record in sorted(self._of.get(key, {}).items())]

    def keys(self, part: Part) -> list[str]:
        """Return the subjects of a part, by name."""
        return sorted(key for key in self._of if key.startswith(f"{part}/"))

    def of_part(self, part: Part) -> list[Record]:
        """Return all records of a part."""
        return [record for key in self.keys(part) for record in self.of(key)]

    def current(self, subject: Subject) -> dict[int, Record]:
        """Return the records that are about what the subject is now, by seed."""
        known = self.of(subject.key)
        return {r.seed: r for r in known if r.fingerprint == subject.fingerprint}


def open_trials(
    subjects: Sequence[Subject], records: Records, *, seeds: int | None = None
) -> list[Trial]:
    """Return the trials without a lasting record, one seed of every subject after the other."""
    wanted: dict[int, list[Trial]] = defaultdict(list)
    for subject in subjects:
        known = records.current(subject)
        for seed in range(1, _seeds(subject, known, seeds) + 1):
            if seed not in known or not known[seed].settled or known[seed].doubtful:
                wanted[seed].append(Trial(subject, seed))
    return [trial for _, trials in sorted(wanted.items()) for trial in trials]


def _seeds(subject: Subject, known: Mapping[int, Record], limit: int | None) -> int:
    if limit is not None:
        return limit
    missed = any(record.bad for record in known.values())
    return subject.seeds_if_missed if missed else subject.seeds
