"""A run that is exported to a collector of OpenTelemetry while it lasts."""

import http.server
import json
import socket
import subprocess
import threading
from collections import defaultdict

import pytest

from gauntlet.core.errors import Exit
from gauntlet.runner.exporter.metrics import METRICS
from gauntlet.stacks import subprocesses

from .small_runs import PAUSED_GATEWAY

pytestmark = [pytest.mark.integration, pytest.mark.timeout(170)]


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps the requests in the list `received` of its server, and answers each of them."""

    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, self.headers["X-Token"], content))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(folder, url):
    """Run the scenario, exported to a URL; return what the command printed."""
    (folder / "exported.yaml").write_text(PAUSED_GATEWAY)
    (folder / "token").write_text("t0ken-of-the-collector")
    command = ("run", "exported.yaml", "--plain", "--otlp", url)
    command += ("--otlp-header", "X-Token={file: token}", "--label", "version=2.3")
    done = subprocess.run(
        subprocesses.python("gauntlet", *command),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode in (Exit.OK, Exit.INCONCLUSIVE), done.stdout + done.stderr
    return done.stdout


def series(received):
    """The values of each metric and its attributes, in the order of the exports."""
    found = defaultdict(list)
    for _, _, content in received:
        (whole,) = content["resourceMetrics"]
        for metric in whole["scopeMetrics"][0]["metrics"]:
            for point in (metric.get("sum") or metric["gauge"])["dataPoints"]:
                labels = {each["key"]: each["value"]["stringValue"] for each in point["attributes"]}
                value = float(point.get("asInt", point.get("asDouble")))
                found[metric["name"], *sorted(labels.items())].append(value)
    return found


def test_a_collector_receives_a_run_from_boot_to_verdict(tmp_path, require_service, collector):
    require_service("redis")
    shown = run(tmp_path, f"http://127.0.0.1:{collector.server_address[1]}")
    assert "otlp: " not in shown
    assert {(path, token) for path, token, _ in collector.received} == {
        ("/v1/metrics", "t0ken-of-the-collector")
    }
    (resource,) = {
        json.dumps(content["resourceMetrics"][0]["resource"])
        for _, _, content in collector.received
    }
    described = {
        each["key"]: each["value"]["stringValue"] for each in json.loads(resource)["attributes"]
    }
    assert described["service.name"] == "gauntlet"
    assert described["gauntlet.scenario"] == "exported"
    assert described["gauntlet.label.version"] == "2.3"

    found = series(collector.received)
    assert {name for name, *_ in found} == {metric.name for metric in METRICS}
    fault = ("fault", "still"), ("kind", "pause"), ("target", "gateway-1")
    active = found["gauntlet_fault_active", *fault]
    assert [value for value, before in zip(active, [None, *active], strict=False)
            if value != before] == [0, 1, 0]  # fmt: skip
    assert set(found["gauntlet_fault_failed", *fault]) == {0}
    for name in ("messages_sent", "messages_acked", "deliveries"):
        values = found[f"gauntlet_{name}_total", ("worker", "0")]
        assert values == sorted(values)
        assert len(set(values)) > 3
    (directory,) = (tmp_path / "runs").iterdir()
    last = json.loads((directory / "live.jsonl").read_text().splitlines()[-1])
    assert found["gauntlet_messages_sent_total", ("worker", "0")][-1] == last["sent"] > 0
    for file in directory.rglob("*"):
        assert file.is_dir() or b"t0ken-of-the-collector" not in file.read_bytes(), file


def test_a_run_is_judged_as_usual_if_its_collector_never_answers(tmp_path, require_service):
    """All that concerns the collector is shown before the run is judged."""
    require_service("redis")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        shown = run(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "/v1/metrics: timed out. Further problems are only counted." in shown
    lines = shown.splitlines()
    named, counted = (at for at, line in enumerate(lines) if line.startswith("otlp: "))
    assert lines[counted].endswith(" exports failed")
    (judged,) = (at for at, line in enumerate(lines) if line.startswith("run-directory: "))
    assert named < counted < judged
