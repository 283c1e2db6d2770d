"""The thread that exports, against a small HTTP server."""

import http.server
import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from gauntlet.runner.exporter.metrics import Metric
from gauntlet.runner.exporter.otlp import client, exporter
from gauntlet.runner.exporter.otlp.collector import Collector, parse
from gauntlet.runner.exporter.otlp.exporter import OtlpExporter

OPEN = Metric("open_things", "gauge", "Open things.")


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what is sent to it; answers with `status`, `body` and `headers`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.received, self.status, self.body, self.headers = [], 200, b"{}", {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def values(self):
        """The value of the one metric in each export."""
        return [
            content["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"][
                0
            ]["asDouble"]
            for _, _, content in self.received
        ]


class Handler(http.server.BaseHTTPRequestHandler):
    """Takes the requests of exports."""

    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.status
        self.server.received.append((self.path, self.headers, content))
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _short_times(monkeypatch):
    monkeypatch.setattr(exporter, "INTERVAL_S", 0.05)
    monkeypatch.setattr(exporter, "LAST_EXPORT_S", 30.0)  # for a busy machine


class Run:
    """What is exported, and what people see."""

    def __init__(self):
        self.value, self.notes = 1.0, []

    @contextmanager
    def exported_to(self, collector, resource=None):
        if isinstance(collector, str):
            collector = parse(collector)
        families = lambda: [(OPEN, [({}, self.value)])]  # noqa: E731 - read at each export
        with OtlpExporter(collector, families, resource or {}, self.notes.append):
            yield


@pytest.fixture
def run():
    return Run()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_figures_are_sent_again_and_again_and_once_more_at_the_end(run, receiver):
    with run.exported_to(receiver.url, {"service.name": "gauntlet"}):
        wait_for(lambda: len(receiver.received) >= 2)
        run.value = 7.0
    assert receiver.values()[0] == 1
    assert receiver.values()[-1] == 7
    path, headers, content = receiver.received[0]
    assert path == "/v1/metrics"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("gauntlet/")
    (attribute,) = content["resourceMetrics"][0]["resource"]["attributes"]
    assert attribute["key"] == "service.name"
    assert run.notes == []


def test_headers_are_sent_with_every_export(run, receiver):
    target = parse(receiver.url)._replace(headers={"Authorization": "Bearer t0ken"})
    with run.exported_to(target):
        wait_for(lambda: len(receiver.received) >= 2)
    assert {headers["Authorization"] for _, headers, _ in receiver.received} == {"Bearer t0ken"}


def test_a_collector_that_is_not_there_is_named_once_and_its_failures_are_counted(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with run.exported_to(f"http://127.0.0.1:{port}"):
        wait_for(lambda: run.notes)
    named, counted = run.notes
    assert f"otlp: http://127.0.0.1:{port}/v1/metrics: " in named
    assert "refused" in named
    assert counted.endswith(" exports failed")
    failed, _of, exports, *_ = counted.removeprefix("otlp: ").split()
    assert failed == exports
    assert int(failed) >= 2  # one of them at the end


def test_an_error_is_shown_without_the_secrets_of_the_headers(run, receiver):
    receiver.status, receiver.body = 401, b'{"message": "unknown\\n token t0ken"}'
    target = parse(receiver.url)._replace(headers={"Authorization": "Bearer t0ken"})
    with run.exported_to(target):
        wait_for(lambda: run.notes)
    assert "HTTP 401 unknown token ***. Further problems are only counted." in run.notes[0]


def test_after_a_failure_the_collector_is_asked_less_often_until_it_answers_again(run, receiver):
    receiver.status = 503
    with run.exported_to(receiver.url):
        wait_for(lambda: len(receiver.received) >= 3)  # after 0.05, 0.15 and 0.35 s
        receiver.status = 200
        before = len(receiver.received)
        wait_for(lambda: len(receiver.received) >= before + 3)
    failed, _of, exports, *_ = run.notes[-1].removeprefix("otlp: ").split()
    assert 3 <= int(failed) < int(exports)


def test_a_pause_that_the_collector_asks_for_is_kept(run, receiver):
    receiver.status, receiver.headers = 429, {"Retry-After": "30"}
    with run.exported_to(receiver.url):
        wait_for(lambda: receiver.received)
        time.sleep(0.4)
        assert len(receiver.received) == 1


def test_rejected_points_are_counted_and_slow_nothing_down(run, receiver):
    rejected = {"rejectedDataPoints": "2", "errorMessage": "too old"}
    receiver.body = json.dumps({"partialSuccess": rejected}).encode()
    with run.exported_to(receiver.url):
        wait_for(lambda: len(receiver.received) >= 3)
    named, counted = run.notes
    assert "2 points were rejected: too old" in named
    assert counted == f"otlp: the collector rejected {2 * len(receiver.received)} points"


def test_redirects_are_not_followed(run, receiver):
    receiver.status, receiver.headers = 307, {"Location": f"{receiver.url}/other/v1/metrics"}
    with run.exported_to(receiver.url):
        wait_for(lambda: run.notes)
    assert {path for path, _, _ in receiver.received} == {"/v1/metrics"}
    assert "HTTP 307" in run.notes[0]


def test_a_collector_that_never_answers_delays_the_end_of_a_run_by_a_moment_only(run, monkeypatch):
    """No thread is left, because the judge would not fork then; nothing is shown later."""
    monkeypatch.setattr(exporter, "LAST_EXPORT_S", 0.2)
    monkeypatch.setattr(exporter, "ENDED_EXPORT_S", 30.0)
    monkeypatch.setattr(client, "TIMEOUT_S", 60.0)
    before = threading.enumerate()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Collector("http", "127.0.0.1", silent.getsockname()[1], "/v1/metrics")
        with run.exported_to(target):
            connection, _ = silent.accept()  # the export under way, which nothing answers
            begun_s = time.monotonic()
        assert time.monotonic() - begun_s < 20
        # Threads of earlier tests may have ended meanwhile.
        assert not set(threading.enumerate()) - set(before)
        connection.close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):  # there was no further export
            silent.accept()
    assert run.notes == ["otlp: 1 of 1 exports failed"]


def test_an_answer_that_is_no_http_is_a_failure_and_no_end(run):
    def speak(server):
        for _ in range(2):
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-x\r\n")
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak, args=(server,))
        thread.start()
        target = Collector("http", "127.0.0.1", server.getsockname()[1], "/v1/metrics")
        with run.exported_to(target):
            thread.join(30)
    assert len(run.notes) == 2
