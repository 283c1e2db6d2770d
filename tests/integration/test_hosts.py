"""A load from several hosts, which are network namespaces with different clocks on one machine.

No packet leaves these namespaces, because their bridge is not connected to another network.
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
AHEAD_S = {"w1": 0, "w2": 5_000, "w3": 86_400}  # how far a worker's clock is ahead of the master's
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
  limits: {{users: 60, rate: 200/s}}
  server: {{heads_poll_ms: 200}}
load: {{users: 12, workload: {{direct: 1, group: {{size: 4}}}}, rate: 60/s, ramp: 2s, steady: 6s}}
sla:
  - {{id: errors, indicator: send_errors_ratio, op: "<=", value: 0, window: run}}
"""


class Hosts:
    """Namespaces `m` (master and server) and `w1` to `w3`, on one bridge inside `m`."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {name: f"gt{os.getpid()}{name}" for name in ("m", *AHEAD_S)}
        self.children = {}

    def open(self):
        """Create the namespaces; skip the test if this machine does not allow it."""
        if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
            pytest.skip("network and time namespaces need root, ip and unshare")
        master = self.names["m"]
        try:
            for namespace in self.names.values():
                run_command("ip", "netns", "add", namespace)
                run_command("ip", "-n", namespace, "link", "set", "lo", "up")
            run_command("ip", "-n", master, "link", "add", "br0", "type", "bridge")
            run_command("ip", "-n", master, "addr", "add", f"{NET}.1/24", "dev", "br0")
            run_command("ip", "-n", master, "link", "set", "br0", "up")
            for number, name in enumerate(AHEAD_S, 2):
                self._connect(master, self.names[name], f"to{name}", f"{NET}.{number}/24")
            run_command("unshare", "--time", "--monotonic", "1", "true")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"namespaces cannot be created: {error.stderr.decode().strip()}")

    def _connect(self, master, worker, interface, address):
        """Connect a worker's namespace to the bridge."""
        peer = ("peer", "name", "eth0", "netns", worker)
        run_command("ip", "-n", master, "link", "add", interface, "type", "veth", *peer)
        run_command("ip", "-n", master, "link", "set", interface, "master", "br0", "up")
        run_command("ip", "-n", worker, "addr", "add", address, "dev", "eth0")
        run_command("ip", "-n", worker, "link", "set", "eth0", "up")

    def start(self, host, name, *arguments, **options):
        """Start Python on a host with these arguments, in a separate folder."""
        home = self.folder / name
        home.mkdir()
        prefix = ["ip", "netns", "exec", self.names[host]]
        if ahead_s := AHEAD_S.get(host):
            prefix += ["unshare", "--time", "--monotonic", str(ahead_s)]
        command = [*prefix, sys.executable, "-P", *arguments]
        with (home / "log").open("wb") as log:
            options = {"stdout": log, "stderr": log, **options}
            child = subprocess.Popen(command, cwd=home, **options)
        self.children[name] = child
        return child

    def serve(self):
        """Start the server on the address of the bridge; return its URL."""
        fakes = str(ROOT / "tests" / "scenarios")
        child = self.start("m", "peer", "-c", PEER, fakes, f"{NET}.1", stdout=subprocess.PIPE)
        return child.stdout.readline().decode().strip()

    def close(self):
        """End all processes and delete the namespaces."""
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.communicate()
        for namespace in self.names.values():
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def run_command(*command):
    """Run a command; CalledProcessError if it fails."""
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def hosts(tmp_path):
    """The hosts, which are deleted after the test."""
    hosts = Hosts(tmp_path)
    try:
        hosts.open()
        yield hosts
    finally:
        hosts.close()


def test_three_hosts_with_different_clocks_load_a_fourth_in_one_run(hosts):
    """The run is complete, on one timeline, and its verdict is the exit code."""
    url = hosts.serve()
    scenario = hosts.folder / "fleet.yaml"
    scenario.write_text(SCENARIO.format(url=url, host=f"{NET}.1"))
    locust = ("-m", "locust", "-f", str(LOCUSTFILE))
    role = ("--headless", "--only-summary", "--master", "--expect-workers", "3", "--host", url)
    load = ("--scenario", str(scenario), "-u", "12", "-r", "6", "--run-time", "8s")
    master = hosts.start("m", "master", *locust, *role, *load, "--im-rate", "60/s")
    for name in AHEAD_S:
        hosts.start(name, name, *locust, "--worker", "--master-host", f"{NET}.1")
    code = master.wait(90)
    output = (hosts.folder / "master" / "log").read_text()
    assert code == Exit.OK, output
    for name in AHEAD_S:
        assert hosts.children[name].wait(60) == 0

    (folder,) = (hosts.folder / "master" / "runs").iterdir()
    run = RunDir.open(folder)
    result = run.read_result()
    counts = result["counts"]
    assert counts["ops"] == counts["acked"]
    assert counts["ops"] + counts["missed"] == 360
    assert (counts["missing"], counts["users"]) == (0, 12)
    assert {window["name"]: window["from_s"] for window in result["windows"]}["steady"] < 2.5
    seconds = [count for count in result["series"]["sent"] if count]
    assert max(seconds) < 80, "the sends of all hosts must be on one timeline"

    clocks = {row["worker"]: row for row in run.read_manifest()["clock"]["workers"]}
    offsets_s = sorted(round(row["offset_ms"] / 1000) for row in clocks.values())
    assert offsets_s == sorted(AHEAD_S.values())
    assert re.search(r"is 86,(399,999|400,000)\.\d{3} ms ahead of the master's, within", output)
    assert 0 < run.read_manifest()["clock"]["error_ms"] < 50
    assert json.loads((folder / "load.json").read_text())["run_dir"] == str(folder)
