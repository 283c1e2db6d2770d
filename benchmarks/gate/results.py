"""What the records say about gates with several numbers of pairs."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.gate import records, resampling
from benchmarks.gate.records import RunRecord
from benchmarks.gate.resampling import Shares
from benchmarks.gate.subject import measure, questions
from gauntlet.campaigns.gate.comparing.decision import Question
from gauntlet.campaigns.gate.suite import Against, Compare

MIN_EFFECTS = ("10%", "5%")
# Each number of pairs is examined by itself, and for these the smallest effect that is found too.
COUNTS = range(3, 21)
_SEARCHED = (3, 5, 8, 10, 12, 15, 20)
# The picture: the changes, and the numbers of pairs.
CHANGES = (0.0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.4)
DRAWN = (5, 10, 20)


class Figure(NamedTuple):
    """What was measured of one indicator: usable pairs, mean changes, and noise, as shares."""

    question: Question
    usable: int
    equal: float
    noise: float
    slower: float


class Row(NamedTuple):
    """The gates of one number of pairs; `smallest` is None where it was not searched or found."""

    compare: Compare
    equal: Shares
    slower: Shares
    smallest: float | None
    searched: bool


class Curve(NamedTuple):
    """How often each of `CHANGES` is found by gates of so many pairs."""

    compare: Compare
    found: list[Shares]


class Results(NamedTuple):
    """All that the page shows about the recorded runs."""

    triples: int
    figures: list[Figure]
    tables: dict[str, list[Row]]
    curves: list[Curve]


def compute(found: Sequence[RunRecord], gates: int = resampling.GATES) -> Results:
    """Draw gates from the records; the same records give the same results."""
    triples = records.triples(found)
    equal, slower = records.equal(triples), records.slower(triples)
    asked = questions(Compare())
    figures = [
        Figure(
            each,
            min(resampling.usable(equal, each), resampling.usable(slower, each)),
            resampling.effect(equal, each),
            resampling.noise(equal, each),
            resampling.effect(slower, each),
        )
        for each in asked
    ]
    tables = {}
    for share in MIN_EFFECTS:
        procedures = [procedure(count, share) for count in COUNTS]
        procedures.append(Compare(against=Against(), min_effect=share))
        tables[share] = [_row(equal, slower, each, gates) for each in procedures]
    return Results(len(triples), figures, tables, _curves(slower, gates))


def procedure(count: int, min_effect: str) -> Compare:
    """Return gates that look once, at so many pairs."""
    return Compare(against=Against(), pairs=count, max_pairs=count, min_effect=min_effect)


def _row(
    equal: Sequence[records.Pair], slower: Sequence[records.Pair], compare: Compare, gates: int
) -> Row:
    asked = questions(compare)
    searched = compare.looks > 1 or compare.pairs in _SEARCHED
    smallest = None
    if searched and resampling.effect(slower, measure(asked)) > 0:
        smallest = resampling.smallest(slower, asked, compare, measure(asked), gates)
    return Row(
        compare,
        resampling.simulate(equal, asked, compare, gates),
        resampling.simulate(slower, asked, compare, gates),
        smallest,
        searched,
    )


def _curves(slower: Sequence[records.Pair], gates: int) -> list[Curve]:
    """Return the curves; none if the slow version was not slower."""
    found = []
    for count in DRAWN:
        compare = procedure(count, MIN_EFFECTS[0])
        asked = questions(compare)
        if resampling.effect(slower, measure(asked)) <= 0:
            return []
        enlarged = [resampling.scaled(slower, asked, change, measure(asked)) for change in CHANGES]
        shares = [resampling.simulate(each, asked, compare, gates) for each in enlarged]
        found.append(Curve(compare, shares))
    return found
