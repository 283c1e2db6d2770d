"""The intended rate of a load over time, as pieces in which it is constant or changes linearly.

The integral of the rate, Λ(t), is the number of sends that are intended until t. The times of
pieces count from the first arrival, which is the end of the ramp; times in a scenario (`at`) count
from the start of the ramp and are converted. This module opens no files: the trace of a recorded
profile is an argument.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gauntlet.core.scenario.model import (
    ConstantProfile,
    DiurnalProfile,
    Load,
    RampProfile,
    RecordedProfile,
    SpikeProfile,
    StepProfile,
)
from gauntlet.core.scenario.traces.arrival_trace import Trace

_PIECES_PER_PERIOD = 48  # straight lines that approximate one period of a diurnal profile


class Piece(NamedTuple):
    """An interval from `start_s` to `end_s` in which `sends` messages are intended.

    The rate changes linearly from (1 - rise) to (1 + rise) times its mean. In a piece without
    length, all sends are due at the same time.
    """

    start_s: float
    end_s: float
    sends: float
    rise: float = 0.0

    @property
    def peak_per_s(self) -> float:
        """The highest rate; sends that are due at one moment count as those of one second."""
        mean_per_s = self.sends / max(self.end_s - self.start_s, 1e-9)
        return min(mean_per_s * (1 + abs(self.rise)), max(self.sends, mean_per_s))

    def share_by(self, part: float) -> float:
        """Return the share of the sends in the first `part` (0 to 1) of the interval."""
        return (1 - self.rise) * part + self.rise * part * part

    def part_by(self, share: float) -> float:
        """Return the part of the interval in which `share` is reached: the inverse of `share_by`.

        This form of the quadratic formula has no cancellation for small shares.
        """
        low = 1 - self.rise
        root = math.sqrt(max(0.0, low * low + 4 * self.rise * share))
        return 2 * share / (low + root) if share else 0.0


def line(start_s: float, end_s: float, from_per_s: float, to_per_s: float) -> Piece:
    """Return the piece in which the rate changes linearly from one value to another."""
    rates_sum = from_per_s + to_per_s
    rise = (to_per_s - from_per_s) / rates_sum if rates_sum else 0.0
    return Piece(start_s, end_s, rates_sum / 2 * (end_s - start_s), rise)


def cut(piece: Piece, at_s: float) -> tuple[Piece, Piece]:
    """Cut a piece in two at a time inside it."""
    part = (at_s - piece.start_s) / (piece.end_s - piece.start_s)
    sends, rise = piece.sends * piece.share_by(part), piece.rise
    # The mean rates of the two pieces, relative to that of the piece. They can be 0 if `at_s` is so
    # close to an end that nothing is sent between the two.
    first, last = 1 - rise + rise * part, 1 + rise * part
    return (
        Piece(piece.start_s, at_s, sends, rise * part / first if first else 0.0),
        Piece(at_s, piece.end_s, piece.sends - sends, rise * (1 - part) / last if last else 0.0),
    )


def cut_at(pieces: Iterable[Piece], edges_s: Iterable[float]) -> Iterator[Piece]:
    """Cut ascending pieces so that none of them crosses an edge."""
    edges = sorted(edges_s)
    for piece in pieces:
        rest = piece
        for edge_s in edges:
            if rest.start_s < edge_s < rest.end_s:
                before, rest = cut(rest, edge_s)
                yield before
        yield rest


def between(pieces: Iterable[Piece], start_s: float, end_s: float) -> Iterator[Piece]:
    """Yield the parts of the pieces that lie between two times."""
    for piece in cut_at(pieces, (start_s, end_s)):
        if piece.start_s >= start_s and (piece.end_s <= end_s and piece.start_s < end_s):
            yield piece


def pieces(load: Load, trace: Trace | None = None) -> Iterator[Piece]:
    """Yield the pieces of a load without its surges; a recorded profile needs its trace.

    If `load.rate` is given, a profile is scaled so that its mean over `steady` is that rate.
    """
    if isinstance(load.profile, ConstantProfile):
        yield line(0.0, load.steady, load.rate_per_s, load.rate_per_s)
        return
    factor = 1.0 if load.rate is None else load.rate * load.steady / total(_unscaled(load, trace))
    for piece in _unscaled(load, trace):
        yield piece._replace(sends=piece.sends * factor)


def total(pieces: Iterable[Piece]) -> float:
    """Return the number of sends in all pieces."""
    return sum(piece.sends for piece in pieces)


def mean_per_s(load: Load, trace: Trace | None, start_s: float, end_s: float) -> float:
    """Return the mean rate between two times, which count from the start of the ramp."""
    inside = between(pieces(load, trace), start_s - load.ramp, end_s - load.ramp)
    return total(inside) / (end_s - start_s)


def _unscaled(load: Load, trace: Trace | None) -> Iterator[Piece]:
    """Return the pieces of a profile with the rates that it contains, regardless of `load.rate`."""
    profile, ramp_s, steady_s = load.profile, load.ramp, load.steady
    match profile:
        case RampProfile():
            unbounded = _ramp(profile, ramp_s, steady_s)
        case StepProfile():
            ends_s = [step.at - ramp_s for step in profile.steps[1:]]
            unbounded = (
                line(step.at - ramp_s, end_s, step.rate, step.rate)
                for step, end_s in zip(profile.steps, [*ends_s, steady_s], strict=True)
            )
        case SpikeProfile():
            start_s, end_s = profile.at - ramp_s, profile.at + profile.for_ - ramp_s
            unbounded = iter(
                (
                    line(min(0.0, start_s), start_s, profile.base, profile.base),
                    line(start_s, end_s, profile.peak, profile.peak),
                    line(end_s, max(end_s, steady_s), profile.base, profile.base),
                )
            )
        case DiurnalProfile():
            unbounded = _diurnal(profile, steady_s)
        case RecordedProfile() if trace is not None:
            unbounded = _recorded(trace)
        case _:
            raise ValueError("the pieces of a recorded profile need its trace; got None")
    return between(unbounded, 0.0, steady_s)


def _ramp(profile: RampProfile, ramp_s: float, steady_s: float) -> Iterator[Piece]:
    start_s = 0.0 if profile.at is None else profile.at - ramp_s
    end_s = max(start_s, steady_s) if profile.for_ is None else start_s + profile.for_
    yield line(min(0.0, start_s), start_s, profile.from_, profile.from_)
    yield line(start_s, end_s, profile.from_, profile.to)
    yield line(end_s, max(end_s, steady_s), profile.to, profile.to)


def _diurnal(profile: DiurnalProfile, steady_s: float) -> Iterator[Piece]:
    """Return a cosine from `low` to `high` and back in each period, as straight lines."""
    mean, swing = (profile.low + profile.high) / 2, (profile.high - profile.low) / 2
    step_s = profile.period / _PIECES_PER_PERIOD
    rates = [
        mean - swing * math.cos(2 * math.pi * step / _PIECES_PER_PERIOD)
        for step in range(_PIECES_PER_PERIOD)
    ]
    for step in range(math.ceil(steady_s / step_s)):
        from_per_s = rates[step % _PIECES_PER_PERIOD]
        to_per_s = rates[(step + 1) % _PIECES_PER_PERIOD]
        yield line(step * step_s, (step + 1) * step_s, from_per_s, to_per_s)


def _recorded(trace: Trace) -> Iterator[Piece]:
    """Return one piece per second for rates, and one piece per send for offsets.

    The piece of a send begins at its offset and ends at the next one, so that a surge, which
    multiplies pieces, spreads its additional sends over that interval.
    """
    if trace.column == "rate_per_s":
        for second, rate in enumerate(trace.values):
            yield line(float(second), second + 1.0, rate, rate)
        return
    yield Piece(0.0, trace.values[0], 0.0)
    for start_s, end_s in itertools.pairwise(trace.values):
        yield Piece(start_s, end_s, 1.0)
    yield Piece(trace.values[-1], trace.values[-1], 1.0)
