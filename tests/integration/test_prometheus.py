"""The metrics of a run: scraped while it lasts, and understood by a real Prometheus."""

import io
import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml
from rich.console import Console

from gauntlet.cli.running.progress import PlainView
from gauntlet.core.errors import Exit
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.exporter.metrics import WORKER_METRICS
from gauntlet.runner.exporter.recorder import Recorder
from gauntlet.runner.exporter.server import MetricsServer
from gauntlet.runner.system_metrics import exposition
from gauntlet.stacks import subprocesses
from gauntlet.stacks.free_port import free_port

from ..test_docs_prometheus import queries
from .small_runs import PAUSED_GATEWAY

pytestmark = pytest.mark.integration

HOSTILE = 'a "quoted" \\ name}'


def scrape(url: str) -> list[exposition.Sample]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return list(exposition.samples(answer.read().decode()))


def test_a_run_can_be_scraped_from_boot_to_verdict(tmp_path, require_service):
    require_service("redis")
    (tmp_path / "scraped.yaml").write_text(PAUSED_GATEWAY)
    command = ("run", "scraped.yaml", "--plain", "--metrics-port", "0", "--label", f"v={HOSTILE}")
    pages = []
    with (tmp_path / "output.txt").open("wb") as output:
        child = subprocess.Popen(
            subprocesses.python("gauntlet", *command), cwd=tmp_path, stdout=output, stderr=output
        )
    deadline = time.monotonic() + 100
    try:
        while child.poll() is None and time.monotonic() < deadline:
            found = re.search(r"metrics: (http://127\S+)", (tmp_path / "output.txt").read_text())
            if found:
                try:
                    pages.append(scrape(found[1]))
                except (urllib.error.URLError, ConnectionError):
                    assert pages
            time.sleep(0.1)
    finally:
        child.kill()
    text = (tmp_path / "output.txt").read_text()
    assert child.wait(60) in (Exit.OK, Exit.INCONCLUSIVE), text

    def series(name, **labels):
        return [exposition.total(page, name, labels) for page in pages]

    assert set(series("gauntlet_run_label", key="v", value=HOSTILE)) == {1}
    faults = series("gauntlet_fault_active", fault="still", kind="pause", target="gateway-1")
    assert [value for value, before in zip(faults, [None, *faults], strict=False)
            if value != before] == [0, 1, 0]  # fmt: skip
    for phase in ("starting", "ramp", "steady", "judging"):
        assert 1 in series("gauntlet_run_phase", phase=phase), phase
    (directory,) = (tmp_path / "runs").iterdir()
    last = json.loads((directory / "live.jsonl").read_text().splitlines()[-1])
    for name, key in (
        ("messages_sent", "sent"),
        ("messages_acked", "acked"),
        ("deliveries", "delivered"),
    ):
        values = [value for value in series(f"gauntlet_{name}_total") if value is not None]
        assert values == sorted(values)
        assert values[-1] == last[key] > 0


def test_a_port_in_use_ends_the_command_with_4_before_anything_starts(tmp_path):
    (tmp_path / "scraped.yaml").write_text(PAUSED_GATEWAY)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            subprocesses.python("gauntlet", "run", "scraped.yaml", "--metrics-port", port),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == Exit.CONFIG
    assert f"the port for metrics must be one that can be listened on; got {port}" in done.stderr
    assert not (tmp_path / "runs").exists()


# --- with a real Prometheus ---------------------------------------------------------------------


@pytest.fixture
def exporter():
    """The metrics of a run with two workers, and a fault with a hostile name that acts."""
    scenario = from_builtins(
        {
            "version": 1,
            "name": "scraped",
            "about": "x",
            "load": {"users": 4},
            "faults": [{"id": "gone", "kind": "kill", "target": HOSTILE, "at": "3s", "for": "2s"}],
        }
    )
    view = PlainView(Console(file=io.StringIO()))
    recorder = Recorder(view, scenario, {"v": HOSTILE + "\n"})
    recorder.fault({"id": "gone", "fault": "kill", "target": HOSTILE, "step": "effective"})
    columns = [column for metric in WORKER_METRICS for column in metric.columns]
    row = {"t_ns": 1, **{column.key: 1000 for column in columns}}
    rows = [row | {"worker": worker} for worker in (0, 1)]
    recorder.tick({**row, "rows": rows}, 3.0)
    recorder.phase("steady")
    with MetricsServer("127.0.0.1", 0, recorder.page) as server:
        yield server


def test_promtool_finds_no_fault_in_names_and_format(exporter, require_service):
    promtool = require_service("promtool")["path"]
    with urllib.request.urlopen(exporter.url, timeout=5) as answer:
        page = answer.read()
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.fixture
def ask(exporter, tmp_path, require_service):
    """`ask(query)` returns what a Prometheus that has scraped the exporter twice answers."""
    address = f"127.0.0.1:{free_port()}"
    target = urllib.parse.urlsplit(exporter.url).netloc
    job = {"job_name": "gauntlet", "static_configs": [{"targets": [target]}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        require_service("prometheus")["path"],
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
    ]

    def ask(query: str) -> list[dict[str, object]]:
        url = f"http://{address}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: list[dict[str, object]] = json.load(answer)["data"]["result"]
        return found

    with (tmp_path / "prometheus.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            assert server.poll() is None, (tmp_path / "prometheus.log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "prometheus.log").read_text()
            try:
                if ask("rate(gauntlet_messages_sent_total[30s])"):
                    break
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.2)
        yield ask
    finally:
        server.terminate()
        server.wait(30)


def test_prometheus_answers_every_query_of_the_dashboard(ask):
    for query in queries():
        if not query.startswith("label_values"):
            expression = query.replace("$instance", ".*").replace("$__rate_interval", "30s")
            assert ask(expression), query


def test_prometheus_reads_hostile_labels_as_they_are(ask):
    (fault,) = ask("gauntlet_fault_active == 1")
    assert fault["metric"]["target"] == HOSTILE
    (label,) = ask("gauntlet_run_label")
    assert label["metric"]["value"] == HOSTILE + "\n"
