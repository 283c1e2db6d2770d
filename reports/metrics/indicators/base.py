"""What indicators share: their input, their result, and how a plug-in describes one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.history.arrays import Bools
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.metrics.samples import Samples
from gauntlet.reports.metrics.windows import Window


@dataclass(frozen=True)
class Measurement:
    """A measured value and the number of samples behind it.

    `value` is None if there is none; `unknown` is then a clause with the reason, empty if it is
    the lack of samples. Where `upper_bound` is given, `value` is a lower bound. With fewer samples
    than `samples_min`, the value is a matter of chance; `reached_by_two` is then the value that two
    samples reach, which no single outlier decides. Where `surely` is given, a machine at its limit
    may have caused what the value exceeds it by. `detail` says what was counted.
    """

    value: float | None
    samples: int
    unknown: str = ""
    upper_bound: float | None = None
    samples_min: int = 1
    reached_by_two: float | None = None
    surely: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class IndicatorInput:
    """What indicators are computed from."""

    history: History
    windows: dict[str, Window]
    recoveries: dict[str, Recovery]

    @property
    def ack(self) -> Samples:
        return latency.ack(self.history)

    @property
    def delivery(self) -> Samples:
        return latency.delivery(self.history)

    @property
    def lag(self) -> Samples:
        return latency.lag(self.history)

    @property
    def lag_p99_ms(self) -> float | None:
        """How late the generator was in steady load, at p99; None without a send."""
        return self.lag.within(self.windows["steady"]).percentile(0.99)


Measure = Callable[[IndicatorInput, Window], Measurement]


class Indicator(NamedTuple):
    """One number over one window: what it is, and how it is measured."""

    kind: IndicatorKind
    measure: Measure


def ratio(part: Bools, whole: Bools) -> Measurement:
    """Return how many of `whole` are in `part`; None if there are none."""
    total = int(whole.sum())
    if total == 0:
        return Measurement(None, 0)
    return Measurement(int(part.sum()) / total, total)
