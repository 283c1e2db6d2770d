"""The IM tab of Locust's web UI, in a real browser."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import from_builtins, to_builtins
from gauntlet.scenarios import locust_plugin
from gauntlet.stacks.free_port import free_port

from .chromium import Page

pytestmark = pytest.mark.integration
ENTRY = Path(locust_plugin.__file__).with_name("entry.py")
FRAME = "document.querySelector('iframe').contentDocument"
SCENARIO = {
    "version": 1, "name": "watched", "about": "x",
    "target": {"server": {"heads_poll_ms": 200}},
    "load": {"users": 6, "rate": "50/s", "ramp": "1s", "steady": "8s"},
    "sla": [{"id": "ack", "indicator": "ack_p99_ms", "op": "<", "value": 500, "window": "run"}],
}  # fmt: skip


@pytest.fixture
def run(tmp_path, distant_peer):
    """A run directory with a load of nine seconds on the fake peer."""
    created = RunDir.create(tmp_path, "watched", 1)
    load = {
        "scenario": to_builtins(from_builtins(SCENARIO)),
        "run_dir": str(created.path),
        "api": [distant_peer.url],
    }
    (created.path / "load.json").write_text(json.dumps(load))
    return created


def _wait_for_load(url):
    """Wait until a load has begun: before that, Locust's page shows its form and stays there."""
    for _ in range(300):
        with suppress(OSError), urllib.request.urlopen(f"{url}/im/live.json", timeout=5) as live:
            if json.load(live)["run"] is not None:
                return
        time.sleep(0.1)
    raise AssertionError("no load began")


@contextmanager
def web_ui(run, *arguments):
    """Locust with its web UI, whose load begins immediately; it is stopped after the test."""
    port, master = str(free_port()), str(free_port())
    child = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "locust", "-f", str(ENTRY), "--autostart"),
            *("-u", "6", "-r", "6", "--web-host", "127.0.0.1", "--web-port", port),
            *("--master-bind-host", "127.0.0.1", "--master-bind-port", master),
            *("--master-port", master, *arguments),
        ],
        cwd=run.path,
        env={**os.environ, "GAUNTLET_LOAD": str(run.path / "load.json")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for_load(url)
        yield url
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(20)
        finally:
            child.kill()
            child.wait()


def text(name):
    """A JavaScript expression for the text of an element in the tab."""
    return f"{FRAME}.querySelector('#{name}').textContent"


def drag(page, begin, end):
    """Drag over the first chart, from one share of its width to another."""
    page.js(f"""(() => {{
        const figure = {FRAME}.querySelector('#chart-ack');
        const svg = figure.querySelector(':scope > svg');
        const box = svg.getBoundingClientRect();
        const send = (kind, share) => svg.isConnected && figure.querySelector(':scope > svg')
            .dispatchEvent(new PointerEvent(kind, {{
                bubbles: true, button: 0, pointerId: 1, clientY: box.top + 80,
                clientX: box.left + 46 + share * (box.width - 54),
            }}));
        figure.setPointerCapture = () => {{}};
        send('pointerdown', {begin}); send('pointermove', {end}); send('pointerup', {end});
    }})()""")


def check_zoom(page):
    """A part of the run that is dragged over, a fault, and the whole run again."""
    drag(page, 0.12, 0.32)
    zoomed = page.wait(text("zoomed"))
    labels = f"[...{FRAME}.querySelectorAll('#chart-rate > svg > text')].map(t => t.textContent)"
    assert "0:02" in page.js(labels)
    assert "0:00" not in page.js(labels)
    page.js(f"{FRAME}.querySelector('#faults button').click()")
    page.wait(f"{text('zoomed')} !== '{zoomed}'")
    page.js(f"{FRAME}.querySelector('#spans button').click()")
    page.wait(f"{text('zoomed')} === ''")
    assert "0:00" in page.js(labels)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="local"),
        pytest.param(("--processes", "2"), id="two-workers", marks=pytest.mark.full),
    ],
)
def test_the_tab_shows_a_run_from_start_to_end(run, tmp_path, require_service, arguments):
    """Figures, latencies, a fault and the end, without other servers and without errors."""
    binary = require_service("chromium")["path"]
    with Page(binary, tmp_path / "profile") as page, web_ui(run, *arguments) as url:
        page.open(f"{url}/?tab=im")
        page.wait(f"!!document.querySelector('iframe') && !!{FRAME}?.querySelector('.legend b')")
        page.wait(f"{text('tile-connections dd')} === '6'")
        page.wait(f"parseFloat({text('tile-ack dd')}) > 0")
        acting = {"kind": "fault", "id": "cut", "fault": "kill", "target": "broker"}
        row = {"t_ns": time.monotonic_ns(), "step": "effective", **acting}
        (run.events / "chaos.jsonl").write_text(json.dumps(row) + "\n")
        page.wait(f"{text('acting')} === 'fault: cut'")
        assert page.js(f"{FRAME}.querySelectorAll('rect').length") == 4
        assert "cut kill broker · effective, 0:0" in page.js(text("faults"))
        page.wait(f"{FRAME}.querySelectorAll('text.limit').length === 1")
        assert page.js(f"{FRAME}.querySelector('#chart-ack text.limit').textContent") == (
            "p99 < 500 ms"
        )
        assert page.js(f"{FRAME}.querySelector('#chart-delivery path').getAttribute('d')")
        page.wait(f"{text('phase')} === 'ended'")
        check_zoom(page)
        assert page.js(text("tile-lost p")) == "by the audit"
        page.js("[...document.querySelectorAll('[role=tab]')][0].click()")
        page.wait("!document.querySelector('iframe')")
        with urllib.request.urlopen(f"{url}/im/latency.csv", timeout=5) as table:
            rows = {
                row["latency"]: row for row in csv.DictReader(table.read().decode().splitlines())
            }
        assert rows["response"]["samples"] == "400"
        assert page.errors == []
        assert [link for link in page.requested if not link.startswith((url, "data:"))] == []
