"""Sends the figures of a run to a collector once a second, for as long as the run lasts.

The run neither waits for the collector nor depends on it: a thread of its own sends, the first
problem is shown, and further ones are counted. What was not sent is not sent again, because
counters are cumulative and gauges are of the moment.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from gauntlet.runner.exporter.otlp import answer, request
from gauntlet.runner.exporter.otlp.answer import Answer
from gauntlet.runner.exporter.otlp.client import Client
from gauntlet.runner.exporter.otlp.collector import Collector
from gauntlet.runner.exporter.otlp.request import Family, Span

INTERVAL_S = 1.0
DELAY_MAX_S = 30.0  # between attempts, after several failures
LAST_EXPORT_S = 2.0  # how long the end of the run waits for the last export
ENDED_EXPORT_S = 1.0  # how long after that for the end of an export that waits for the collector


class OtlpExporter:
    """Exports `source()` until the end of the context, where it does so once more.

    `note` shows people a line; the thread of the exporter calls it.
    """

    def __init__(
        self,
        collector: Collector,
        source: Callable[[], Iterable[Family]],
        resource: Mapping[str, str],
        note: Callable[[str], None],
    ) -> None:
        self._collector = collector
        self._client = Client(collector)
        self._source = source
        self._resource = dict(resource)
        self._note = note
        self._start_ns, self._started_ns = time.time_ns(), time.monotonic_ns()
        self._exports = self._failures = self._rejected = 0
        self._failed_in_row = 0
        self._is_named = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Export the last figures, without waiting long, and say how many exports failed."""
        del exc
        self._stop.set()
        self._thread.join(LAST_EXPORT_S)
        if self._thread.is_alive():
            self._client.end()
            self._thread.join(ENDED_EXPORT_S)
        unfinished = int(self._thread.is_alive())
        if failed := self._failures + unfinished:
            self._note(f"otlp: {failed} of {self._exports} exports failed")
        if self._rejected:
            self._note(f"otlp: the collector rejected {self._rejected} points")

    def _run(self) -> None:
        delay_s = INTERVAL_S
        while not self._stop.wait(delay_s):
            delay_s = self._export()
        if not self._client.is_ended:
            self._export()

    def _export(self) -> float:
        """Export the current figures; return the time until the next attempt."""
        self._exports += 1
        answered = self._sent()
        if answered.problem and not self._is_named and not self._client.is_ended:
            self._is_named = True
            shown = answer.shortened(self._collector.without_secrets(answered.problem))
            self._note(f"otlp: {self._collector.url}: {shown}. Further problems are only counted.")
        self._rejected += answered.rejected
        if not answered.problem or answered.rejected:
            self._failed_in_row = 0
            return INTERVAL_S
        self._failures += 1
        self._failed_in_row = min(self._failed_in_row + 1, 10)
        delay_s: float = min(INTERVAL_S * 2**self._failed_in_row, DELAY_MAX_S)
        return max(delay_s, answered.retry_after_s)

    def _sent(self) -> Answer:
        # The wall clock may be set during a run, and no point may be older than its start.
        now_ns = self._start_ns + time.monotonic_ns() - self._started_ns
        body = request.body(self._source(), self._resource, Span(self._start_ns, now_ns))
        return self._client.post(body, self._headers())

    def _headers(self) -> dict[str, str]:
        return {
            **self._collector.headers,
            "Content-Type": request.CONTENT_TYPE,
            "User-Agent": f"gauntlet/{request.version()}",
        }
