"""Writes Prometheus' text format, version 0.0.4."""

from collections.abc import Iterable, Mapping

from gauntlet.runner.exporter.metrics import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


def family(metric: Metric, samples: Iterable[Sample]) -> str:
    """Return a metric with its samples; nothing if there are none."""
    lines = [f"{metric.name}{_labels(labels)} {value}\n" for labels, value in samples]
    if not lines:
        return ""
    header = f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n"
    return header + "".join(lines)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    """Return a label's value with the three characters escaped that would end or change it.

    A lone surrogate, which a file name on the command line may contain, is no UTF-8.
    """
    text = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
