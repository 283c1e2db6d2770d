"""Faults on a system that Gauntlet did not start: here `gauntlet serve`, started by the test."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
import yaml

from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.proxy_process import ProxyServer, find_binary
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.stacks import subprocesses

from .test_serve import serving

pytestmark = [pytest.mark.integration, pytest.mark.ci]

LAYOUT = """
processes:
  all: {services: [gateway, message, room, sessions, friend, sticker]}
edges: 2
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory, require_service):
    """The server's API address, and its edges as (name, address)."""
    require_service("redis")
    folder = tmp_path_factory.mktemp("server")
    (folder / "lean.yaml").write_text(LAYOUT)
    with serving(folder, "--layout", "lean.yaml") as (child, text):
        (api,) = re.findall(r"^api +(http://\S+)", text, re.MULTILINE)
        edges = re.findall(r"^ +edge-blue-[12] +(\S+)$", text, re.MULTILINE)  # 3 is a spare one
        yield SimpleNamespace(child=child, api=api, edges=edges)


def pid_of(address):
    """The process that listens on an address; the server may be restarting it."""
    port = int(address.rpartition(":")[2])
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for row in psutil.net_connections("tcp"):
            if row.status == psutil.CONN_LISTEN and row.laddr.port == port:
                return row.pid
        time.sleep(0.2)
    raise AssertionError(f"nothing listens on {address}")


def scenario(server, **parts):
    """A scenario against the server, as the text of a file."""
    target = {
        "stack": "external",
        "url": [server.api],
        "edges": [f"ws://{address}" for address in server.edges],
    }
    whole = {
        "version": 1,
        "name": "external",
        "about": "A system that runs already.",
        "load": {"users": 10, "rate": "20/s", "ramp": "2s", "steady": "20s"},
        "recovery_window": "5s",
        **parts,
        "target": {**target, **parts.get("target", {})},
    }
    return yaml.safe_dump(whole)


def gauntlet(folder, *arguments, expected=Exit.OK):
    """Run a command to its end; return its output."""
    done = subprocess.run(
        subprocesses.python("gauntlet", *map(str, arguments)),
        cwd=folder, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout


def run_directory(folder):
    """The only run directory of a folder, and its result."""
    (path,) = (folder / "runs").iterdir()
    run = RunDir.open(path)
    return run, run.read_result()


@pytest.mark.timeout(400)
def test_links_and_commands_disturb_a_running_server(server, tmp_path):
    victim = server.edges[0]
    pid = pid_of(victim)
    faults = [
        {"id": "cut", "kind": "disconnect", "target": "client>edge", "at": "4s", "for": "1s",
         "params": {"percent": 100}},
        {"id": "crash", "kind": "command", "at": "13s", "for": "3s", "params": {
            "inject": ["kill", "-KILL", str(pid)],
            "prove": ["sh", "-c", f"! kill -0 {pid}"],
            "heal": ["true"],  # the server restarts its processes by itself
            "verify": ["sh", "-c", f"curl -s -o {os.devnull} http://{victim}/healthz"],
        }},
    ]  # fmt: skip
    (tmp_path / "s.yaml").write_text(scenario(server, faults=faults))
    refused = gauntlet(tmp_path, "run", "s.yaml", "--dry-run", expected=Exit.CONFIG)
    assert refused == ""
    gauntlet(tmp_path, "run", "s.yaml", "--plain", "--allow-exec")
    run, result = run_directory(tmp_path)
    cut, crash = result["faults"]
    assert cut["proof"]["dropped"] > 0
    assert cut["client_links"]["disconnects"] > 0
    assert crash["proof"]["prove"]["exit_code"] == 0
    assert crash["exposed"]
    assert result["disturbances"]["disconnects"] == 0
    # The load enters no room, so nothing is known of attendance.
    others = [row for row in result["grades"] if row["aspect"] not in ("attendance", "contacts")]
    assert {row["grade"] for row in others} <= {"A", "C"}
    load = json.loads((run.path / "load.json").read_text())
    assert set(load["dial"]) == {server.api.removeprefix("http://"), *server.edges} & set(
        load["dial"]
    )
    assert set(server.edges) <= set(load["dial"])
    assert (run.logs / "fault-crash-inject.log").exists()


@pytest.mark.timeout(400)
def test_a_cut_by_others_is_no_calm_load_until_it_is_marked(server, tmp_path):
    (tmp_path / "s.yaml").write_text(scenario(server))
    killed, victims = [], [pid_of(address) for address in server.edges]

    def cut():
        """Kill an edge in the middle of the load, and remember when."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            runs = list(tmp_path.glob("runs/*/live.jsonl"))
            rows = list(read_jsonl(runs[0])) if runs else []
            if rows and rows[-1]["sent"] > 60:
                begun_s = time.time()
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                killed.append((begun_s, time.time()))
                return
            time.sleep(0.2)

    thread = threading.Thread(target=cut)
    thread.start()
    output = gauntlet(tmp_path, "run", "s.yaml", "--plain")
    thread.join()
    assert "The load was not calm" in re.sub(r"\s+", " ", output)
    run, result = run_directory(tmp_path)
    cut_off = result["disturbances"]["disconnects"]
    assert cut_off >= 10
    assert "B" not in {row["grade"] for row in result["grades"]}
    assert "not calm" in (run.path / "grade.md").read_text()

    ((begun_s, ended_s),) = killed
    times = tmp_path / "times.csv"
    times.write_text(f"id,begin,end\ncut,{stamp(begun_s - 0.1)},{stamp(ended_s + 1)}\n")
    gauntlet(tmp_path, "mark", run.path, "--times", times)
    gauntlet(tmp_path, "judge", run.path)
    result = run.read_result()
    (fault,) = result["faults"]
    assert (fault["id"], fault["kind"], fault["exposed"]) == ("cut", "observed", True)
    assert fault["client_links"]["disconnects"] == cut_off
    assert result["disturbances"]["disconnects"] == 0
    assert "fault:cut" in {window["name"] for window in result["windows"]}

    gauntlet(tmp_path, "mark", run.path, "calm", "begin", "--at", "3s")
    gauntlet(tmp_path, "mark", run.path, "calm", "end", "--at", "4s")
    gauntlet(tmp_path, "judge", run.path, expected=Exit.INCONCLUSIVE)


def stamp(seconds):
    """A time of day as `gauntlet mark` accepts it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f"{seconds % 1:.3f}"[1:] + "Z"


@pytest.mark.timeout(400)
def test_a_running_toxiproxy_is_left_as_it_was(server, tmp_path):
    backend = "toxiproxy" if find_binary() else "embedded"
    running = ProxyServer.start(backend, log=tmp_path / "toxiproxy.log")
    client = ProxyClient(running.api_url)
    try:
        front = client.create("front", server.api.removeprefix("http://"))
        client.add_toxic("front", "latency", attributes={"latency": 1, "jitter": 0}, name="theirs")
        before = client.proxies()
        faults = [{"id": "slow", "kind": "latency", "target": "toxiproxy>front", "at": "6s",
                   "for": "3s", "params": {"latency": "150ms"}}]  # fmt: skip
        target = {"url": [f"http://{front}"], "edges": [], "toxiproxy": running.api_url}
        (tmp_path / "s.yaml").write_text(
            scenario(server, target=target, faults=faults,
                     load={"users": 10, "rate": "20/s", "ramp": "2s", "steady": "18s"})
        )  # fmt: skip
        gauntlet(tmp_path, "run", "s.yaml", "--plain")
        _, result = run_directory(tmp_path)
        assert client.proxies() == before
    finally:
        running.stop()
    (slow,) = result["faults"]
    assert slow["proof"]["during"]["toxiproxy>front"]["first_ms"] > 150
    assert slow["exposed"]
    assert slow["client_links"]["examined"] > 0
