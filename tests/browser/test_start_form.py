"""The start form of Locust's web UI, in a real browser."""

import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios import library, locust_plugin
from gauntlet.stacks.free_port import free_port

from .chromium import Page

pytestmark = pytest.mark.integration
ENTRY = Path(locust_plugin.__file__).with_name("entry.py")
FILL = """(() => {
    const field = document.querySelector('[name=%s]');
    const [kind, event] = field instanceof HTMLSelectElement
        ? [HTMLSelectElement, 'change'] : [HTMLInputElement, 'input'];
    Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(field, '%s');
    field.dispatchEvent(new Event(event, {bubbles: true}));
})()"""


@pytest.fixture
def page(tmp_path, require_service):
    """A browser at the form of a Locust without options; Locust is stopped after the test."""
    port = free_port()
    child = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "locust", "-f", str(ENTRY)),
            *("--web-host", "127.0.0.1", "--web-port", str(port)),
        ],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "GAUNTLET_LOAD"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with Page(require_service("chromium")["path"], tmp_path / "profile") as opened:
            until = time.monotonic() + 30
            while not opened.js("!!document.querySelector('[name=scenario]')"):
                assert time.monotonic() < until, "the form did not appear"
                opened.open(f"http://127.0.0.1:{port}")
                time.sleep(0.5)
            yield opened
    finally:
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(20)
        child.kill()
        child.wait()


def value(name):
    """A JavaScript expression for the value of a field."""
    return f"document.querySelector('[name={name}]').value"


def test_the_form_begins_with_the_users_of_the_scenario_and_needs_no_host(page):
    assert page.js(f"[{value('userCount')}, {value('spawnRate')}]") == ["200", "40"]
    assert page.js(value("host")) == ""
    assert page.js("document.querySelector('form').checkValidity()")


def test_the_users_follow_the_scenario_until_others_are_typed(page):
    page.js(FILL % ("scenario", "disconnects"))
    field = "document.querySelector('[name=scenario]')"
    page.js(f"{field}.dispatchEvent(new Event('change', {{bubbles: true}}))")
    load = library.find("disconnects").load
    page.wait(f"{value('userCount')} === '{load.users}'")
    assert float(page.js(value("spawnRate"))) == pytest.approx(load.users / load.ramp, abs=0.001)


def test_the_fields_of_the_form_define_the_load(page, tmp_path, distant_peer):
    """The run time is that of the load, without the time in which the server boots."""
    fields = {"userCount": "10", "spawnRate": "10", "host": distant_peer.url, "runTime": "4s"}
    for name, value in {**fields, "imRate": "50/s", "imArrivals": "constant"}.items():
        page.js(FILL % (name, value))
    page.js("document.querySelector('button[type=submit]').click()")
    until = time.monotonic() + 60
    while not (results := list((tmp_path / "runs").glob("*/result.json"))):
        assert time.monotonic() < until, "no run was judged"
        time.sleep(0.1)
    run = RunDir.open(results[0].parent)
    (sums,) = (row for row in run.read_events() if row["kind"] == "reconciliation")
    # On a busy machine some users may not be connected yet when the first messages are due.
    assert sums["ops"] + sums["missed"] == 150
    assert sums["acked"] == sums["ops"] > 0
    command = shlex.join(run.read_manifest()["argv"])
    assert command.endswith(
        f"--headless --host {distant_peer.url} -u 10 -r 10.0 -t 4s --scenario steady "
        "--im-rate 50/s --im-arrivals constant"
    )
