"""Samples of what a system exports, while a run lasts."""

import contextlib
import http.server
import itertools
import socket
import sys
import threading
import time
import urllib.error
from typing import ClassVar

import pytest

from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.runner.system_metrics import sampler
from gauntlet.runner.system_metrics.metrics_file import Metrics, Series
from gauntlet.runner.system_metrics.sampler import Reading, Sampler, rows, values

CPU, MEMORY = ("server", "cpu_s"), ("server", "memory_bytes")
SERIES = [
    Series("server", "cpu_s", "cpu_seconds_total", tier="websocket"),
    Series("server", "memory_bytes", "memory_mb", scale=2**20),
    Series("server", "cpu_s", "absent_total"),
]


def metrics(**changes):
    return Metrics(version=1, series=SERIES, **{"prometheus": "http://127.0.0.1:1/", **changes})


def test_series_are_summed_by_component_and_resource_and_scaled():
    found = values(
        metrics(), 'cpu_seconds_total{core="0"} 2\ncpu_seconds_total{core="1"} 3\nmemory_mb 4'
    )
    assert found == {CPU: 5, MEMORY: 4 * 2**20}


def test_counters_become_rates_and_gauges_stay():
    found = rows(
        [Reading(0, {CPU: 10.0, MEMORY: 7.0}), Reading(2_000_000_000, {CPU: 11.0, MEMORY: 8.0})]
    )
    assert found == [
        {
            "t_ns": 2_000_000_000,
            "kind": "metrics",
            "component_cores": {"server": 0.5},
            "component_rss_bytes": {"server": 8.0},
        }
    ]


def test_connections_are_a_gauge_of_their_own():
    key = ("server", "connections")
    (row,) = rows([Reading(0, {key: 7.0}), Reading(10**9, {key: 9.0})])
    assert row["component_connections"] == {"server": 9.0}


def test_a_counter_that_began_again_has_no_rate():
    found = rows(
        [Reading(0, {CPU: 10.0}), Reading(10**9, {CPU: 1.0}), Reading(2 * 10**9, {CPU: 2.0})]
    )
    assert [row.get("component_cores") for row in found] == [None, {"server": 1.0}]


def test_samples_stand_beside_the_timeline_of_the_run(tmp_path):
    run = RunDir.make(tmp_path / "run")
    counter = itertools.count()

    def fetch(_metrics):
        if next(counter) == 1:
            raise OSError("the page was not there once")
        return f"cpu_seconds_total {next(counter)}"

    sampling = Sampler(metrics(every="500ms"), fetch)
    assert sampling.tiers == {"server": "websocket"}
    sampling.start()
    deadline = time.monotonic() + 60
    while len(sampling._readings) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    sampling.stop(run)
    found = list(read_jsonl(run.events / sampler.FILE))
    assert len(found) >= 2
    assert all(row["component_cores"]["server"] > 0 for row in found)


class Exporter(http.server.BaseHTTPRequestHandler):
    """Answers with what `answers` has for a path, and closes the connection."""

    answers: ClassVar[dict[str, bytes]]
    asked: ClassVar[list[str]]

    def do_GET(self):
        self.asked.append(self.path)
        self.wfile.write(self.answers.get(self.path, b""))
        self.close_connection = True

    def log_message(self, *_args):
        """Log nothing."""


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\ncpu_seconds_total 4"


@pytest.fixture
def exporter(monkeypatch):
    """`exporter(answers)` serves raw answers by path; it returns its URL and what was asked."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def serve(answers):
        monkeypatch.setattr(Exporter, "answers", answers, raising=False)
        monkeypatch.setattr(Exporter, "asked", [], raising=False)
        return f"http://127.0.0.1:{server.server_port}", Exporter.asked

    yield serve
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\ncpu",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 500 Broken\r\n\r\n",
    ],
    ids=["closed", "no status", "cut off", "bad chunk", "too many headers", "an error"],
)
def test_an_answer_that_is_not_http_ends_no_sampling(exporter, bad):
    url, asked = exporter({"/": bad})
    sampling = Sampler(metrics(prometheus=f"{url}/", every="10ms"))
    sampling.start()
    deadline = time.monotonic() + 60
    while len(asked) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    Exporter.answers["/"] = GOOD
    while {CPU: 4} not in [each.values for each in sampling._readings]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    sampling.stop(None)


@pytest.fixture
def endless():
    """Serve a page that sends a byte of its body every 10 ms and never ends; return its URL."""
    over = threading.Event()

    def serve():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not over.wait(0.01):
                connection.sendall(b"#")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()
        thread.join()


def test_a_page_that_never_ends_is_given_up(endless, monkeypatch):
    six_seconds_ns = 6 * 10**9
    monkeypatch.setattr(sampler.clock, "now_ns", itertools.count(0, six_seconds_ns).__next__)
    with pytest.raises(TimeoutError, match="was not complete after 5 s"):
        sampler.page(metrics(prometheus=endless))


def test_an_answer_over_a_connection_that_stays_open_is_read_at_once(exporter, monkeypatch):
    url, _ = exporter({"/": GOOD})
    stay_open = threading.Event()
    monkeypatch.setattr(Exporter, "finish", lambda _self: stay_open.wait(30))
    found = metrics(prometheus=f"{url}/")
    try:
        assert values(found, sampler.page(found)) == {CPU: 4}
    finally:
        stay_open.set()


def test_a_sample_that_hangs_does_not_keep_a_run_from_ending(tmp_path, monkeypatch):
    """Its thread adds nothing to the samples of the next run."""
    monkeypatch.setattr(sampler, "_TIMEOUT_S", 0.05)
    monkeypatch.setattr(sampler, "_CLOSING_S", 0.05)
    hangs, called, left = threading.Event(), threading.Event(), []

    def fetch(_metrics):
        if not called.is_set():
            left.append(threading.current_thread())
            called.set()
            hangs.wait(30)
            return "cpu_seconds_total 1"
        raise OSError("there is no page")

    sampling = Sampler(metrics(every="10ms"), fetch)
    sampling.start()
    assert called.wait(30)
    sampling.stop(RunDir.make(tmp_path / "first"))
    assert left[0].is_alive()
    sampling.start()
    hangs.set()
    left[0].join(30)
    assert not left[0].is_alive()
    sampling.stop(None)
    assert sampling._readings == []


def test_samples_that_cannot_be_written_do_not_fail_the_run(tmp_path):
    run = RunDir.make(tmp_path / "run")
    (run.events / sampler.FILE).mkdir()
    sampling = Sampler(metrics(every="500ms"), lambda _metrics: "")
    sampling.start()
    sampling.stop(run)
    assert (run.events / sampler.FILE).is_dir()


def test_a_redirect_is_not_followed(exporter):
    url, asked = exporter({"/": b"HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n", "/other": GOOD})
    with pytest.raises(urllib.error.HTTPError, match="302"):
        sampler.page(metrics(prometheus=f"{url}/"))
    assert asked == ["/"]


def test_the_proxies_of_the_environment_are_not_used(exporter, monkeypatch):
    url, _ = exporter({"/": GOOD})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    sampler._opener.cache_clear()
    found = metrics(prometheus=f"{url}/")
    try:
        assert values(found, sampler.page(found)) == {CPU: 4}
    finally:
        sampler._opener.cache_clear()


def test_a_command_prints_the_page(monkeypatch):
    monkeypatch.setattr(sampler, "_TIMEOUT_S", 60.0)
    code = "print('cpu_seconds_total 4')"
    found = metrics(prometheus=None, command=[sys.executable, "-c", code])
    assert values(found, sampler.page(found)) == {CPU: 4}


def test_nothing_is_written_without_a_run(tmp_path):
    sampling = Sampler(metrics(every="500ms"), lambda _metrics: "")
    sampling.start()
    sampling.stop(None)
    assert list(tmp_path.iterdir()) == []
