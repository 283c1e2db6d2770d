"""Samples what a system exports while a run lasts, and writes the samples beside its timeline."""

import functools
import http.client
import itertools
import json
import subprocess
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import RunDir
from gauntlet.runner.system_metrics import exposition
from gauntlet.runner.system_metrics.metrics_file import Metrics

FILE = "metrics.jsonl"  # below `events` of the run, as the journals of its parts
_TIMEOUT_S = 5.0
_BYTES_MAX = 16 * 2**20
_CLOSING_S = 1.0  # what a thread may need beyond the limit of its sample
# The fields of a row, as those of vitals.jsonl, and whether they are rates of counters.
_FIELDS = {
    "cpu_s": ("component_cores", True),
    "network_bytes": ("component_io_bytes_per_s", True),
    "memory_bytes": ("component_rss_bytes", False),
    "database_bytes": ("database_bytes", False),
    "connections": ("component_connections", False),
}

# What one sample may fail with: the system may be down, or answer anything.
_FAILURES = (OSError, http.client.HTTPException, subprocess.SubprocessError, ValueError)

Fetch = Callable[[Metrics], str]


class Reading(NamedTuple):
    """The values of all series at one time."""

    t_ns: int
    values: dict[tuple[str, str], float]  # by component and resource


class Sampler:
    """Samples in a thread of its own, from `start` to `stop`; it can start again."""

    def __init__(self, metrics: Metrics, fetch: Fetch | None = None) -> None:
        self._metrics = metrics
        self._fetch = fetch or page
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._readings: list[Reading] = []

    @property
    def tiers(self) -> Mapping[str, str]:
        """The tier of each component; one series of a component that names it is enough."""
        series = self._metrics.series
        named = {each.component: each.tier for each in series if each.tier}
        return {each.component: named.get(each.component, each.component) for each in series}

    def start(self) -> None:
        """Forget the samples of the run before, and start."""
        # New ones: a thread that `stop` did not wait for goes on with those of its own run.
        self._readings, self._stop = [], threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._readings, self._stop), name="metrics", daemon=True
        )
        self._thread.start()

    def stop(self, run: RunDir | None) -> None:
        """Stop, and write the samples into the directory of the run, if there is one.

        Neither a page that does not end nor a full disk keeps the run from ending.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_TIMEOUT_S + _CLOSING_S)
        if run is None:
            return
        found = rows(list(self._readings))
        lines = [json.dumps(row, separators=(",", ":")) for row in found]
        with suppress(OSError):
            (run.events / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _run(self, readings: list[Reading], stop: threading.Event) -> None:
        while not stop.is_set():
            with suppress(*_FAILURES):
                text = self._fetch(self._metrics)
                readings.append(Reading(clock.now_ns(), values(self._metrics, text)))
            stop.wait(self._metrics.every_s)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes an HTTPError of a redirect, which could lead to a host that is not allowed."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """Follow no redirect."""


@functools.cache
def _opener() -> urllib.request.OpenerDirector:
    # Without the proxies of the environment, which would be hosts that are not allowed as well.
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)


def page(metrics: Metrics) -> str:
    """Return the page of metrics; one of `_FAILURES` if it cannot be had."""
    if metrics.prometheus is not None:
        deadline_ns = clock.now_ns() + int(_TIMEOUT_S * NS_PER_S)
        with _opener().open(metrics.prometheus, timeout=_TIMEOUT_S) as answer:
            return _body(answer, deadline_ns).decode(errors="replace")
    done = subprocess.run(
        metrics.command or [], capture_output=True, timeout=_TIMEOUT_S, check=True
    )
    return done.stdout[:_BYTES_MAX].decode(errors="replace")


def _body(answer: http.client.HTTPResponse, deadline_ns: int) -> bytes:
    """Return the body of an answer; the timeout of the socket alone starts again with each byte."""
    remaining = _BYTES_MAX if answer.length is None else min(answer.length, _BYTES_MAX)
    parts = []
    while remaining and (part := answer.read1(remaining)):
        parts.append(part)
        remaining -= len(part)
        if remaining and clock.now_ns() > deadline_ns:
            raise TimeoutError(f"the page was not complete after {_TIMEOUT_S:g} s")
    return b"".join(parts)


def values(metrics: Metrics, text: str) -> dict[tuple[str, str], float]:
    """Return the value of each component and resource; one without a sample is left out."""
    found = list(exposition.samples(text))
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for each in metrics.series:
        if (total := exposition.total(found, each.series, each.labels)) is not None:
            sums[each.component, each.resource] += total * each.scale
    return dict(sums)


def rows(readings: list[Reading]) -> list[dict[str, Any]]:
    """Return the rows of the journal; the rate of a counter that began again is left out."""
    found = []
    for before, after in itertools.pairwise(readings):
        elapsed_s = (after.t_ns - before.t_ns) / NS_PER_S
        fields: dict[str, dict[str, float]] = defaultdict(dict)
        for (component, resource), value in after.values.items():
            field, is_rate = _FIELDS[resource]
            earlier = before.values.get((component, resource))
            if not is_rate:
                fields[field][component] = value
            elif earlier is not None and value >= earlier and elapsed_s > 0:
                fields[field][component] = round((value - earlier) / elapsed_s, 6)
        found.append({"t_ns": after.t_ns, "kind": "metrics", **fields})
    return found
