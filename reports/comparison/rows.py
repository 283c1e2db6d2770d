"""The rows in which a comparison is shown, in the terminal and on the page."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from gauntlet.core import labels
from gauntlet.reports import formatting

# What is shown unless everything is asked for.
_MAIN_INDICATORS = (
    "delivery_p50_ms", "delivery_p99_ms", "delivery_max_ms", "ack_p50_ms", "ack_p99_ms",
    "acked_per_s", "delivered_per_s", "stack_cores", "send_errors_ratio",
    "missing_deliveries_ratio", "recovery_ms",
)  # fmt: skip


class Row(NamedTuple):
    """One figure in words; `tone` is better, worse, changed, none or unknown."""

    indicator: str
    window: str
    a: str
    b: str
    factor: str
    interval: str
    answer: str
    tone: str


def build(pair: dict[str, Any], *, complete: bool) -> list[Row]:
    """Return the rows of a pair of runs: the main ones, or all that have a value."""
    return [_row(found, pair["comparable"]) for found in shown(pair, complete=complete)]


def shown(pair: dict[str, Any], *, complete: bool) -> Iterator[dict[str, Any]]:
    """Yield the differences that are shown; what is not known comes last."""
    for found in sorted(pair["differences"], key=lambda each: bool(each["change"] == "unknown")):
        if found["a"]["value"] is None and found["b"]["value"] is None:
            continue
        if complete or _is_main(found):
            yield found


def labels_of(run: dict[str, Any]) -> str:
    """Return the labels of a run on one line."""
    return labels.text(run["labels"])


def _is_main(found: dict[str, Any]) -> bool:
    indicator, window = found["indicator"], found["window"]
    if indicator not in _MAIN_INDICATORS:
        return False
    if window == "run":  # steady load says more of latencies than the whole run
        return not indicator.startswith(("ack_", "delivery_"))
    return window == "steady" or indicator in ("recovery_ms", "delivery_p99_ms")


def _row(found: dict[str, Any], comparable: str) -> Row:
    indicator = found["indicator"]
    interval = found["interval"]
    tone, answer = _answer(found, comparable)
    bounds = ""
    if interval:
        low, high = formatting.same_decimals(*map(formatting.significant, interval))
        bounds = f"{low} … {high}"
    factor = "" if found["factor"] is None else f"× {formatting.significant(found['factor'])}"
    if found["a"]["value"] == 0 and found["b"]["value"]:
        factor = "from 0"  # no factor says that, and it can matter most
    a, b = _values(indicator, found)
    return Row(indicator, found["window"], a, b, factor, bounds, answer, tone)


def _answer(found: dict[str, Any], comparable: str) -> tuple[str, str]:
    change = found["change"]
    if change == "unknown":
        return "unknown", "no interval"
    if change == "none":
        same = found["interval"] is None
        return "none", "the same" if same else "no difference shown"
    if comparable == "no" or found["lower_is_better"] is None:
        return "changed", change
    better = (change == "lower") == found["lower_is_better"]
    return ("better", f"{change}, better") if better else ("worse", f"{change}, worse")


def _values(indicator: str, found: dict[str, Any]) -> tuple[str, ...]:
    values = [found["a"], found["b"]]
    texts = formatting.same_decimals(*(_value(indicator, each) for each in values))
    return tuple(
        f"{text} (few samples)" if each["few_samples"] else text
        for text, each in zip(texts, values, strict=True)
    )


def _value(indicator: str, value: dict[str, Any]) -> str:
    number = value["value"]
    if indicator == "stack_cores" and number is not None:
        return formatting.amount(number, "cores")
    text = formatting.measured(indicator, number, at_least=value["at_least"])
    return text.removesuffix(" per second")  # which the name of the figure says, too
