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
from gauntlet.scenarios.locust_plugin import __file__ as bridge
from gauntlet.stacks.free_port import free_port

from .chromium import Page

pytestmark = pytest.mark.integration
ENTRY = Path(bridge).with_name("entry.py")
FILL = """(() => {
    const field = document.querySelector('[name=%s]');
    const [kind, event] = field instanceof HTMLSelectElement
        ? [HTMLSelectElement, 'change'] : [HTMLInputElement, 'input'];
    Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(field, '%s');
    field.dispatchEvent(new Event(event, {bubbles: true}));
})()"""


@pytest.fixture
def page(tmp_path, require_service):
    """A browser at the form of a Locust that was told nothing; Locust is ended at the end."""
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
        with Page(require_service("chromium")["path"], tmp_path / "profile") as made:
            until = time.monotonic() + 30
            while not made.js("!!document.querySelector('[name=scenario]')"):
                assert time.monotonic() < until, "the form did not come"
                made.open(f"http://127.0.0.1:{port}")
                time.sleep(0.5)
            yield made
    finally:
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(20)
        child.kill()
        child.wait()


def test_a_load_of_the_form_is_ours_and_whole(page, tmp_path, distant_peer):
    """Its fields say what is sent, and the run time is the load's, not that of what boots."""
    said = {"userCount": "10", "spawnRate": "10", "host": distant_peer.url, "runTime": "4s"}
    for name, value in {**said, "imRate": "50/s", "imArrivals": "constant"}.items():
        page.js(FILL % (name, value))
    page.js("document.querySelector('button[type=submit]').click()")
    until = time.monotonic() + 60
    while not (results := list((tmp_path / "runs").glob("*/result.json"))):
        assert time.monotonic() < until, "no run was judged"
        time.sleep(0.1)
    run = RunDir.open(results[0].parent)
    (line,) = (row for row in run.read_events() if row["kind"] == "reconciliation")
    # On a busy machine not everybody may be there yet when the first arrivals come.
    assert line["ops"] + line["missed"] == 150
    assert line["acked"] == line["ops"] > 0
    again = shlex.join(run.read_manifest()["argv"])
    assert again.endswith(
        f"--headless --host {distant_peer.url} -u 10 -r 10.0 -t 4s --scenario steady "
        "--im-rate 50/s --im-arrivals constant"
    )
