"""The figures that a comparison lists: their values in both runs, the difference, the interval."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gauntlet.reports.comparison import bootstrap
from gauntlet.reports.comparison.bootstrap import Interval, Seconds
from gauntlet.reports.comparison.saved_run import SavedRun, numbers
from gauntlet.reports.metrics.latency import QUANTILES, samples_min

_FEW_SECONDS = (
    f"a run has fewer than {bootstrap.SECONDS_MIN} whole seconds with data there, or a second "
    "whose messages never arrived"
)


class Value(NamedTuple):
    """A figure of one run; a lower bound if `at_least`, and a matter of chance if `few`."""

    number: float | None
    at_least: bool = False
    few: bool = False


class Difference(NamedTuple):
    """A figure in two runs.

    `factor` is B divided by A, None if that says nothing; `interval` bounds it. `unknown` says why
    there is no interval. `lower_is_better` is None for a figure that is neither good nor bad.
    """

    indicator: str
    window: str
    a: Value
    b: Value
    factor: float | None
    interval: Interval | None
    unknown: str = ""
    lower_is_better: bool | None = True

    @property
    def change(self) -> str:
        """`higher`, `lower`, or `none` if the interval contains no change; else `unknown`."""
        if self.interval is None:
            return "none" if self.a == self.b and not self.a.few else "unknown"
        if self.interval.low > 1:
            return "higher"
        return "lower" if self.interval.high < 1 else "none"


def differences(a: SavedRun, b: SavedRun) -> list[Difference]:
    """Return every figure that at least one of two runs has, the most important windows first."""
    return [*_latencies(a, b), *_rates(a, b), *_shares(a, b), *_recoveries(a, b), *_others(a, b)]


def _latencies(a: SavedRun, b: SavedRun) -> Iterator[Difference]:
    shared = [window["name"] for window in a.result["windows"] if b.window(window["name"])]
    for window in shared:
        for kind in ("delivery", "ack"):
            for name in (*QUANTILES, "max"):
                yield _latency(a, b, kind, name, window)
    yield _latency(a, b, "lag", "p99", "steady")


def _latency(a: SavedRun, b: SavedRun, kind: str, name: str, window: str) -> Difference:
    one, two = (_percentile(run, kind, name, window) for run in (a, b))
    factor = _factor(one, two)
    interval, unknown = None, ""
    if one.at_least or two.at_least or math.inf in (one.number, two.number):
        unknown = "a value is a lower bound, or endless"
    elif one.few or two.few:
        unknown = f"{name} needs at least {samples_min(QUANTILES.get(name, 1.0))} samples"
    elif name == "max" or kind == "lag":
        unknown = "a maximum is a matter of chance" if name == "max" else "known as a whole only"
    elif factor is not None:
        seconds_a, seconds_b = (_seconds(run, kind, window) for run in (a, b))
        interval = bootstrap.factor_of_percentiles(seconds_a, seconds_b, QUANTILES[name], factor)
        unknown = "" if interval else _FEW_SECONDS
    return Difference(f"{kind}_{name}_ms", window, one, two, factor, interval, unknown)


def _percentile(run: SavedRun, kind: str, name: str, window: str) -> Value:
    row: dict[str, Any] | None = run.result["latency"].get(kind, {}).get(window)
    if row is None or row[name] is None:
        return Value(None)
    needed = samples_min(QUANTILES.get(name, 1.0))
    at_least = name in row.get("at_least", ())
    return Value(float(row[name]), at_least, few=int(row["samples"]) < needed)


def _seconds(run: SavedRun, kind: str, window: str) -> Seconds:
    rows = run.seconds_in(window).astype(np.int64)
    samples = run.column("sent" if kind == "ack" else "delivered")
    columns = [run.column(f"{kind}_{name}_ms") for name in ("p50", "p99", "max")]
    if any(column.size != samples.size for column in columns):
        return Seconds(*(np.zeros(0) for _ in range(4)))
    return Seconds(*(column[rows] for column in (samples, *columns)))


def _rates(a: SavedRun, b: SavedRun) -> Iterator[Difference]:
    for name in ("acked", "delivered"):
        series = []
        for run in (a, b):
            column = run.column(name)
            rows = run.seconds_in("steady").astype(np.int64)
            series.append(column[rows] if column.size else column)
        yield _of_means(f"{name}_per_s", *series, lower_is_better=False)
    if a.stack_cores.size and b.stack_cores.size:
        yield _of_means("stack_cores", a.stack_cores, b.stack_cores, lower_is_better=True)


def _of_means(
    indicator: str, a: bootstrap.Floats, b: bootstrap.Floats, *, lower_is_better: bool
) -> Difference:
    one, two = (Value(float(each.mean()) if each.size else None) for each in (a, b))
    interval = bootstrap.factor_of_means(a, b)
    window = "run" if indicator == "stack_cores" else "steady"
    return Difference(
        indicator,
        window,
        one,
        two,
        _factor(one, two),
        interval,
        "" if interval else _FEW_SECONDS,
        lower_is_better,
    )


def _shares(a: SavedRun, b: SavedRun) -> Iterator[Difference]:
    for indicator, parts, whole in (
        ("send_errors_ratio", ("rejected", "unknown"), "ops"),
        ("missing_deliveries_ratio", ("missing",), "expected"),
        ("resynced_ratio", ("resynced",), "expected"),
    ):
        one, two = (_share(run.result["counts"], parts, whole) for run in (a, b))
        yield Difference(
            indicator, "run", one, two, _factor(one, two), None, "known as a whole only"
        )


def _share(counts: dict[str, Any], parts: tuple[str, ...], whole: str) -> Value:
    total = int(counts.get(whole) or 0)
    return Value(sum(int(counts.get(part) or 0) for part in parts) / total if total else None)


def _recoveries(a: SavedRun, b: SavedRun) -> Iterator[Difference]:
    faults = {fault["id"]: fault for fault in b.result["faults"]}
    for fault in a.result["faults"]:
        if (other := faults.get(fault["id"])) is not None:
            one, two = (
                Value(_number(each["recovery_ms"]), at_least=each["recovery_ms"] == "inf")
                for each in (fault, other)
            )
            yield Difference(
                "recovery_ms",
                f"fault:{fault['id']}",
                one,
                two,
                _factor(one, two),
                None,
                "a fault acted once in each run",
            )


def _others(a: SavedRun, b: SavedRun) -> Iterator[Difference]:
    """Yield the values of objectives on other indicators than those above."""
    found = {(each["indicator"], each["window"]): each for each in b.result["objectives"]}
    listed = ("ack_", "delivery_", "lag_", "recovery_ms", "send_errors_ratio")
    for objective in a.result["objectives"]:
        indicator, window = objective["indicator"], objective["window"]
        other = found.pop((indicator, window), None)
        if other is None or indicator.startswith(listed):
            continue
        one, two = (
            Value(_number(each["value"]), at_least=bool(each.get("at_least")))
            for each in (objective, other)
        )
        better = str(objective["op"]).startswith("<")
        factor = _factor(one, two)
        unknown = "known as a whole only"
        yield Difference(indicator, window, one, two, factor, None, unknown, better)


def _number(value: Any) -> float | None:
    number = float(numbers([value])[0])
    return None if math.isnan(number) else number


def _factor(a: Value, b: Value) -> float | None:
    if not a.number or b.number is None or math.inf in (a.number, b.number):
        return None
    return b.number / a.number
