"""The windows that were measured, in a file, so that a comparison which was interrupted goes on."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gauntlet.campaigns import record_files

Samples = dict[str, dict[str, list[float]]]  # by what is measured, then by backend


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one measure of one backend found in a round."""

    measure: str
    backend: str
    round: int
    seconds: float
    values: dict[str, float]
    commit: str | None
    date: str


class Windows:
    """The windows of one length, measured with one version of the code."""

    def __init__(self, file: Path, seconds: float, commit: str | None) -> None:
        self._file, self._seconds, self._commit = file, seconds, commit
        self._known: list[Window] = [
            each
            for each in record_files.read(file, Window)
            if (each.seconds, each.commit) == (seconds, commit)
        ]

    def has(self, measure: str, backend: str, number: int) -> bool:
        """Return whether a window was measured already."""
        return any(
            (each.measure, each.backend, each.round) == (measure, backend, number)
            for each in self._known
        )

    def add(self, measure: str, backend: str, number: int, values: dict[str, float]) -> None:
        """Record a window."""
        window = Window(
            measure=measure,
            backend=backend,
            round=number,
            seconds=self._seconds,
            values=values,
            commit=self._commit,
            date=dt.datetime.now(dt.UTC).date().isoformat(),
        )
        record_files.append(self._file, window)
        self._known.append(window)

    def samples(self, measures: Sequence[str], rounds: int) -> Samples:
        """Return the values of these measures in the first rounds."""
        found: Samples = defaultdict(lambda: defaultdict(list))
        for name in measures:
            for each in self._known:
                if each.measure == name and each.round < rounds:
                    for what, value in each.values.items():
                        found[what][each.backend].append(value)
        return found
