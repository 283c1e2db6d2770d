"""Percentiles of latency: acknowledgement, delivery, and the lag of the generator."""

from functools import partial

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement
from gauntlet.reports.metrics.latency import Samples
from gauntlet.reports.metrics.windows import Window

_MEANS = {"ack": "acknowledged", "delivery": "presented"}


def _percentile(name: str, quantile: float, run: IndicatorInput, window: Window) -> Measurement:
    all_samples: Samples = getattr(run, name)
    inside = window.contains(all_samples.intended_ns)
    bounds = latency.percentile_bounds(
        all_samples.ms[inside], all_samples.lower_bound_ms[inside], quantile
    )
    samples_min = latency.samples_min(quantile)
    if bounds is None:
        return Measurement(None, 0, samples_min=samples_min)
    samples = int(inside.sum())
    return Measurement(
        bounds.lower,
        samples,
        upper_bound=None if bounds.exact else bounds.upper,
        samples_min=samples_min,
        reached_by_two=latency.second_largest(all_samples.lower_bound_ms[inside])
        if samples < samples_min
        else None,
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
