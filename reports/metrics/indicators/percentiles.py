"""Percentiles of latency: acknowledgement, delivery, and the lag of the generator."""

from functools import partial

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement
from gauntlet.reports.metrics.samples import Samples
from gauntlet.reports.metrics.windows import Window

_MEANS = {"ack": "acknowledged", "delivery": "presented"}


def _percentile(name: str, quantile: float, run: IndicatorInput, window: Window) -> Measurement:
    all_samples: Samples = getattr(run, name)
    chosen = all_samples.within(window)
    (bounds,) = chosen.bounds((quantile,))
    samples_min = latency.samples_min(quantile)
    if bounds is None:
        return Measurement(None, 0, samples_min=samples_min)
    return Measurement(
        bounds.lower,
        chosen.size,
        upper_bound=None if bounds.exact else bounds.upper,
        samples_min=samples_min,
        reached_by_two=chosen.second_largest() if chosen.size < samples_min else None,
    )


INDICATORS = (
    *(
        Indicator(
            IndicatorKind(
                f"{samples}_{name}_ms", f"{name} of intended send → {means}", punctual=True
            ),
            partial(_percentile, samples, quantile),
        )
        for samples, means in _MEANS.items()
        for name, quantile in latency.QUANTILES.items()
    ),
    Indicator(
        IndicatorKind("delivery_max_ms", "the longest delivery", punctual=True),
        partial(_percentile, "delivery", 1.0),
    ),
    Indicator(
        IndicatorKind(
            "lag_p99_ms", "p99 of intended send → handed to the session: how late the generator is"
        ),
        partial(_percentile, "lag", latency.QUANTILES["p99"]),
    ),
)
