"""A load from several hosts: network namespaces with clocks of their own, on one machine.

Whatever is sent stays in these namespaces: the bridge between them leads nowhere else.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir

pytestmark = [pytest.mark.integration, pytest.mark.full]

ROOT = Path(__file__).parents[2]
LOCUSTFILE = ROOT / "locustfile.py"
AHEAD_S = {"w1": 0, "w2": 5_000, "w3": 86_400}  # each worker's clock, of the master's
NET = "10.213.7"
PEER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from fakes import Peer
async def main():
    peer = Peer()
    await peer.start(sys.argv[2])
    print(peer.url, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
SCENARIO = """
version: 1
name: fleet
about: Three hosts put a load on a fourth.
target:
  stack: external
  url: ["{url}"]
  allow_hosts: ["{host}"]
  server: {{heads_poll_ms: 200}}
load: {{users: 12, workload: {{direct: 1, group: {{size: 4}}}}, rate: 60/s, ramp: 2s, steady: 6s}}
sla:
  - {{id: errors, indicator: send_errors_ratio, op: "<=", value: 0, window: run}}
"""


class Hosts:
    """Namespaces `m` (master and server) and `w1` … `w3`, on one bridge inside of `m`."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {name: f"gt{os.getpid()}{name}" for name in ("m", *AHEAD_S)}
        self.children = {}

    def open(self):
        """Make them; skip the test where this machine does not allow it."""
        if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
            pytest.skip("network and time namespaces need root, ip and unshare")
        hub = self.names["m"]
        try:
            for full in self.names.values():
                sh("ip", "netns", "add", full)
                sh("ip", "-n", full, "link", "set", "lo", "up")
            sh("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
            sh("ip", "-n", hub, "addr", "add", f"{NET}.1/24", "dev", "br0")
            sh("ip", "-n", hub, "link", "set", "br0", "up")
            for at, name in enumerate(AHEAD_S, 2):
                self._plug(hub, self.names[name], f"to{name}", f"{NET}.{at}/24")
            sh("unshare", "--time", "--monotonic", "1", "true")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no namespaces here: {error.stderr.decode().strip()}")

    def _plug(self, hub, host, cable, address):
        peer = ("peer", "name", "eth0", "netns", host)
        sh("ip", "-n", hub, "link", "add", cable, "type", "veth", *peer)
        sh("ip", "-n", hub, "link", "set", cable, "master", "br0", "up")
        sh("ip", "-n", host, "addr", "add", address, "dev", "eth0")
        sh("ip", "-n", host, "link", "set", "eth0", "up")

    def start(self, host, name, *command, **options):
        """Start a command on a host, in a folder of its own."""
        home = self.folder / name
        home.mkdir()
        inside = ["ip", "netns", "exec", self.names[host]]
        if ahead_s := AHEAD_S.get(host):
            inside += ["unshare", "--time", "--monotonic", str(ahead_s)]
        with (home / "log").open("wb") as log:
            options = {"stdout": log, "stderr": log, **options}
            child = subprocess.Popen([*inside, sys.executable, "-P", *command], cwd=home, **options)
        self.children[name] = child
        return child

    def serve(self):
        """The server, on the bridge's address; its URL."""
        fakes = str(ROOT / "tests" / "scenarios")
        child = self.start("m", "peer", "-c", PEER, fakes, f"{NET}.1", stdout=subprocess.PIPE)
        return child.stdout.readline().decode().strip()

    def close(self):
        """End what runs, and take the namespaces away."""
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.communicate()
        for full in self.names.values():
            subprocess.run(["ip", "netns", "del", full], capture_output=True, check=False)


def sh(*command):
    """Run a command; its error is told."""
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def hosts(tmp_path):
    """The hosts, which are gone after the test."""
    made = Hosts(tmp_path)
    try:
        made.open()
        yield made
    finally:
        made.close()


def test_three_hosts_with_their_own_clocks_put_one_load_on_a_fourth(hosts):
    """The run is whole, on one timeline, and its verdict is the exit code."""
    url = hosts.serve()
    scenario = hosts.folder / "fleet.yaml"
    scenario.write_text(SCENARIO.format(url=url, host=f"{NET}.1"))
    locust = ("-m", "locust", "-f", str(LOCUSTFILE))
    where = ("--headless", "--only-summary", "--master", "--expect-workers", "3", "--host", url)
    load = ("--scenario", str(scenario), "-u", "12", "-r", "6", "--run-time", "8s")
    master = hosts.start("m", "master", *locust, *where, *load, "--im-rate", "60/s")
    for name in AHEAD_S:
        hosts.start(name, name, *locust, "--worker", "--master-host", f"{NET}.1")
    code = master.wait(90)
    told = (hosts.folder / "master" / "log").read_text()
    assert code == Exit.OK, told
    for name in AHEAD_S:
        assert hosts.children[name].wait(10) == 0

    (folder,) = (hosts.folder / "master" / "runs").iterdir()
    run = RunDir.open(folder)
    result = run.read_result()
    counts = result["counts"]
    assert counts["ops"] == counts["acked"]
    assert counts["ops"] + counts["missed"] == 360
    assert (counts["missing"], counts["users"]) == (0, 12)
    assert {window["name"]: window["from_s"] for window in result["windows"]}["steady"] < 2.5
    seconds = [count for count in result["series"]["sent"] if count]
    assert max(seconds) < 80, "every host's sends lie on the one timeline"

    clocks = {row["worker"]: row for row in run.read_manifest()["clock"]["workers"]}
    leads_s = sorted(round(row["offset_ms"] / 1000) for row in clocks.values())
    assert leads_s == sorted(AHEAD_S.values())
    assert re.search(r"is 86,(399,999|400,000)\.\d{3} ms ahead of the master's, within", told)
    assert 0 < run.read_manifest()["clock"]["error_ms"] < 50
    assert json.loads((folder / "load.json").read_text())["run_dir"] == str(folder)
