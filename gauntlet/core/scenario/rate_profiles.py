"""Λ(t): how many sends a load intends by a moment, as pieces on which the rate is a straight line.

Pieces count from the start of the arrivals (the end of the ramp) to the end of the load; what a
scenario dates by its timeline (`at`) is moved there. Pure: a recorded profile is given its trace.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gauntlet.core.scenario.arrival_trace import Trace
from gauntlet.core.scenario.model import (
    ConstantProfile,
    DiurnalProfile,
    Load,
    RampProfile,
    RecordedProfile,
    SpikeProfile,
    StepProfile,
)

_PIECES_A_DAY = 48  # straight lines that a diurnal period is drawn with


class Piece(NamedTuple):
    """`sends` from `start_s` to `end_s`. The rate rises from 1 - rise to 1 + rise times its mean.

    One without length is that many sends at once.
    """

    start_s: float
    end_s: float
    sends: float
    rise: float = 0.0

    def share_by(self, part: float) -> float:
        """Which share of the sends lies in the first part (0 to 1) of the time."""
        return (1 - self.rise) * part + self.rise * part * part

    def part_by(self, share: float) -> float:
        """In which part of the time that share is reached: the inverse, without cancellation."""
        low = 1 - self.rise
        root = math.sqrt(max(0.0, low * low + 4 * self.rise * share))
        return 2 * share / (low + root) if share else 0.0


def line(start_s: float, end_s: float, from_per_s: float, to_per_s: float) -> Piece:
    """A piece whose rate goes from one value to another."""
    both = from_per_s + to_per_s
    rise = (to_per_s - from_per_s) / both if both else 0.0
    return Piece(start_s, end_s, both / 2 * (end_s - start_s), rise)


def cut(piece: Piece, at_s: float) -> tuple[Piece, Piece]:
    """A piece as two, at a moment inside it."""
    part = (at_s - piece.start_s) / (piece.end_s - piece.start_s)
    sends, rise = piece.sends * piece.share_by(part), piece.rise
    first, last = 1 - rise + rise * part, 1 + rise * part  # their mean rates, of the whole's
    return (
        # A moment may be so near to an end that nothing is sent between them.
        Piece(piece.start_s, at_s, sends, rise * part / first if first else 0.0),
        Piece(at_s, piece.end_s, piece.sends - sends, rise * (1 - part) / last if last else 0.0),
    )


def cut_at(pieces: Iterable[Piece], edges_s: Iterable[float]) -> Iterator[Piece]:
    """The same sends, in pieces of which none crosses an edge; pieces and edges ascend."""
    edges = sorted(edges_s)
    for piece in pieces:
        rest = piece
        for edge_s in edges:
            if rest.start_s < edge_s < rest.end_s:
                done, rest = cut(rest, edge_s)
                yield done
        yield rest


def between(pieces: Iterable[Piece], start_s: float, end_s: float) -> Iterator[Piece]:
    """What of the pieces lies between two moments."""
    for piece in cut_at(pieces, (start_s, end_s)):
        if piece.start_s >= start_s and (piece.end_s <= end_s and piece.start_s < end_s):
            yield piece


def pieces(load: Load, trace: Trace | None = None) -> Iterator[Piece]:
    """The arrivals of a load without its surges; of a recorded profile, those of its trace.

    Where the load names a `rate`, a profile keeps its form and is scaled to have it as its mean.
    """
    if isinstance(load.profile, ConstantProfile):
        yield line(0.0, load.steady, load.rate_per_s, load.rate_per_s)
        return
    factor = 1.0 if load.rate is None else load.rate * load.steady / total(_drawn(load, trace))
    for piece in _drawn(load, trace):
        yield piece._replace(sends=piece.sends * factor)


def total(these: Iterable[Piece]) -> float:
    """All sends of the pieces."""
    return sum(piece.sends for piece in these)


def mean_per_s(load: Load, trace: Trace | None, start_s: float, end_s: float) -> float:
    """The mean rate between two moments of the timeline, which begins with the ramp."""
    inside = between(pieces(load, trace), start_s - load.ramp, end_s - load.ramp)
    return total(inside) / (end_s - start_s)


def _drawn(load: Load, trace: Trace | None) -> Iterator[Piece]:
    """The pieces of a profile as it stands in the scenario."""
    profile, ramp_s, steady_s = load.profile, load.ramp, load.steady
    match profile:
        case RampProfile():
            drawn = _ramp(profile, ramp_s, steady_s)
        case StepProfile():
            ends_s = [step.at - ramp_s for step in profile.steps[1:]]
            drawn = (
                line(step.at - ramp_s, end_s, step.rate, step.rate)
                for step, end_s in zip(profile.steps, [*ends_s, steady_s], strict=True)
            )
        case SpikeProfile():
            start_s, end_s = profile.at - ramp_s, profile.at + profile.for_ - ramp_s
            drawn = iter(
                (
                    line(min(0.0, start_s), start_s, profile.base, profile.base),
                    line(start_s, end_s, profile.peak, profile.peak),
                    line(end_s, max(end_s, steady_s), profile.base, profile.base),
                )
            )
        case DiurnalProfile():
            drawn = _diurnal(profile, steady_s)
        case RecordedProfile() if trace is not None:
            drawn = _recorded(trace)
        case _:
            raise ValueError("a recorded profile is nothing without its trace")
    return between(drawn, 0.0, steady_s)


def _ramp(profile: RampProfile, ramp_s: float, steady_s: float) -> Iterator[Piece]:
    start_s = 0.0 if profile.at is None else profile.at - ramp_s
    end_s = max(start_s, steady_s) if profile.for_ is None else start_s + profile.for_
    yield line(min(0.0, start_s), start_s, profile.from_, profile.from_)
    yield line(start_s, end_s, profile.from_, profile.to)
    yield line(end_s, max(end_s, steady_s), profile.to, profile.to)


def _diurnal(profile: DiurnalProfile, steady_s: float) -> Iterator[Piece]:
    """A cosine from `low` over `high` and back, in straight lines."""
    mean, swing = (profile.low + profile.high) / 2, (profile.high - profile.low) / 2
    step_s = profile.period / _PIECES_A_DAY
    rates = [
        mean - swing * math.cos(2 * math.pi * at / _PIECES_A_DAY) for at in range(_PIECES_A_DAY)
    ]
    for at in range(math.ceil(steady_s / step_s)):
        now_per_s, then_per_s = rates[at % _PIECES_A_DAY], rates[(at + 1) % _PIECES_A_DAY]
        yield line(at * step_s, (at + 1) * step_s, now_per_s, then_per_s)


def _recorded(trace: Trace) -> Iterator[Piece]:
    """Rates of one second each; or one send at each offset, spread up to the next by surges."""
    if trace.column == "rate_per_s":
        for at, rate in enumerate(trace.values):
            yield line(float(at), at + 1.0, rate, rate)
        return
    yield Piece(0.0, trace.values[0], 0.0)
    for start_s, end_s in itertools.pairwise(trace.values):
        yield Piece(start_s, end_s, 1.0)
    yield Piece(trace.values[-1], trace.values[-1], 1.0)
