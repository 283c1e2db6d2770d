"""What a gate can decide on this machine, from pairs of equal runs (A/A): a pure function.

Gates are simulated by drawing from the measured pairs, as a gate would see them, and with a change
added to them: how often equal versions are red, and how often each change is found.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gauntlet.campaigns.gate.comparing import decision, student

Floats = npt.NDArray[np.float64]

GATES = 2000
POWER_WANTED = 0.95
# The changes that are tried, as shares.
CHANGES = (0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0)


class Procedure(NamedTuple):
    """How a gate decides: its pairs at a time, how often it looks, its alpha, how many questions.

    `max_pairs` are all pairs at most, if not as many at each look.
    """

    pairs: int
    looks: int
    alpha: float
    questions: int
    max_pairs: int | None = None

    @property
    def most(self) -> int:
        """How many pairs are run at most."""
        return self.pairs * self.looks if self.max_pairs is None else self.max_pairs


class Calibration(NamedTuple):
    """What was found for one question.

    `noise` is the standard deviation of the ratio of two equal runs. `false_red` and `decided` are
    the shares of gates on equal versions that are red, and that are decided as no regression.
    `smallest` is the smallest change that is found in 95 % of gates; None if even the largest is
    not.
    """

    noise: float
    false_red: float
    decided: float
    smallest: float | None
    power: dict[float, float]


def calibrate(
    values: Sequence[float], limit: float, procedure: Procedure, seed: int = 1
) -> Calibration:
    """Simulate gates from worsenings of equal pairs; ValueError if there are too few of these."""
    if len(values) < decision.SAMPLES_MIN:
        raise ValueError(f"a calibration needs at least {decision.SAMPLES_MIN} pairs")
    generator = np.random.default_rng(seed)
    measured = np.asarray(values, dtype=np.float64)
    drawn = generator.choice(deviations(measured), (GATES, procedure.most))
    equal = outcomes(drawn, limit, procedure)
    power = {
        change: float((outcomes(drawn + math.log1p(change), limit, procedure) > 0).mean())
        for change in CHANGES
    }
    return Calibration(
        noise=math.exp(float(measured.std(ddof=1))) - 1,
        false_red=float((equal > 0).mean()),
        decided=float((equal < 0).mean()),
        smallest=_smallest(power),
        power=power,
    )


def deviations(values: Floats) -> Floats:
    """Return the deviations from the mean, enlarged: those of few values are too small."""
    enlarged: Floats = (values - values.mean()) * math.sqrt(len(values) / (len(values) - 1))
    return enlarged


def outcomes(values: Floats, limit: float, procedure: Procedure) -> Floats:
    """Return how each gate (row) ends: 1 for a regression, -1 for none, 0 for undecided.

    As `decision.decide`, with the correction of Bonferroni, which is at least as strict as Holm's.
    """
    ended = np.zeros(len(values))
    for look in range(1, procedure.looks + 1):
        count = min(procedure.pairs * look, procedure.most)
        seen = values[:, :count]
        mean = seen.mean(axis=1)
        error = seen.std(axis=1, ddof=1) * np.sqrt(_inflation(seen) / count)
        error = np.maximum(error, decision.ERROR_MIN)
        alpha = procedure.alpha / procedure.looks / procedure.questions
        significant = mean / error > student.quantile(1 - alpha, count - 1)
        upper = mean + student.quantile(decision.confidence(procedure.looks), count - 1) * error
        now = np.where((mean >= limit) & significant, 1.0, np.where(upper < limit, -1.0, 0.0))
        ended = np.where(ended == 0, now, ended)
    return ended


def _inflation(seen: Floats) -> Floats:
    """Return for each gate by how much the resemblance of neighbours enlarges the variance."""
    centred = seen - seen.mean(axis=1)[:, None]
    squares = np.maximum((centred**2).sum(axis=1), 1e-30)
    resemblance = (centred[:, :-1] * centred[:, 1:]).sum(axis=1) / squares
    resemblance = np.clip(resemblance, 0.0, decision.RESEMBLANCE_MAX)
    inflation: Floats = (1 + resemblance) / (1 - resemblance)
    return inflation


def _smallest(power: dict[float, float]) -> float | None:
    """Return the smallest change from which on every larger one is found often enough."""
    found = None
    for change in sorted(power, reverse=True):
        if power[change] < POWER_WANTED:
            break
        found = change
    return found
