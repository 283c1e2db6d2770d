"""Which build the processes of a server run; the tests of the server itself run on both builds."""

import json
import urllib.request

import pytest

from gauntlet.builds import SERVER
from gauntlet.reference_server.main import HOOKED

from .server_process import ServerProcess

pytestmark = pytest.mark.integration
BUILD = str(SERVER.current())
# The module of a seeded bug replaces functions of the message service.
HOOKS = {"message": ["gauntlet.chaos.server_hooks.bugs.retry_mints_new_id"]}
OF_HOOKED = f"pure ({HOOKED})" if BUILD == "compiled" else BUILD


def build_of(port):
    """Return the build that a process states."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
        return json.load(answer)["build"]


@pytest.fixture
def process(tmp_path):
    """A message service whose registry and bus are down, which are hints: it works without them."""
    created = ServerProcess(tmp_path, "redis://127.0.0.1:1")
    yield created
    created.stop()


def test_a_process_runs_the_build_of_this_one(process):
    process.start()
    assert build_of(process.port) == BUILD


def test_a_seeded_bug_acts_because_its_process_runs_the_sources(process):
    """A compiled class would ignore what replaces its methods."""
    process.config["startup_hooks"] = HOOKS
    process.start()
    assert build_of(process.port) == OF_HOOKED
    ann, send = process.log_in("ann"), {"client_msg_id": "1", "body": "x"}
    first, again = (ann("POST", "/v1/conversations/d.ann.bob/messages", send) for _ in range(2))
    assert (first[1]["seq"], again[1]["seq"]) == (1, 2)


def test_the_variable_selects_the_sources(process, monkeypatch):
    monkeypatch.setenv("GAUNTLET_PURE", "1")
    process.start()
    assert build_of(process.port) == "pure (GAUNTLET_PURE is set)"


def test_a_cluster_states_the_build_of_each_process(cluster):
    """Only the process with a bug runs the sources; databases and brokers have no build."""
    running = cluster("embedded", startup_hooks=HOOKS)
    ports = {
        each["name"]: int(each["address"].rpartition(":")[2])
        for each in running.call("GET", "/components")["components"]
        if each["name"] in running.builds and each["state"] == "up"
    }
    assert {name: build_of(port) for name, port in ports.items()} == {
        name: OF_HOOKED if name == "message-1" else BUILD for name in ports
    }
    assert {name: running.builds[name] for name in ports} == {
        name: OF_HOOKED if name == "message-1" else BUILD for name in ports
    }
    assert {"gateway-1", "edge-blue-1", "message-1"} <= set(ports)
    assert "broker" not in running.builds
