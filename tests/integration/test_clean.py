"""`gauntlet clean` on real servers: what the run created is gone, and nothing else."""

import json
import socket
import urllib.request
from collections import Counter

import mqtt5
import pytest
import yaml
from websockets.sync.client import connect

from gauntlet.core.errors import Exit
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters import nats_protocol as nats
from gauntlet.scenarios.adapters.base import Account
from gauntlet.scenarios.adapters.xmpp import Xmpp
from gauntlet.stacks.centrifugo import CentrifugoStack
from gauntlet.stacks.ejabberd import EjabberdStack
from gauntlet.stacks.mosquitto import MosquittoStack
from gauntlet.stacks.nats import NatsStack
from gauntlet.stacks.server_stack import TCP

from .test_external_faults import gauntlet, run_directory

pytestmark = [pytest.mark.integration, pytest.mark.timeout(150)]

LOAD = {"users": 6, "rate": "12/s", "ramp": "1s", "steady": "3s", "lag_budget_ms": 500}


class WithRegistration(EjabberdStack):
    """ejabberd with accounts of its own, which clients may register and remove."""

    def configure(self):
        super().configure()
        file = self.folder / "ejabberd.yml"
        text = file.read_text().replace("auth_method: [external]", "auth_method: [internal]")
        text = text.replace("modules:\n", "modules:\n  mod_register: {}\n  mod_offline: {}\n")
        file.write_text(f"registration_timeout: infinity\n{text}")


@pytest.fixture
def start(tmp_path):
    """A function that starts a stack of a class, and returns it with the URL for clients."""
    started = []

    def start(kind, **config):
        if not kind.program.find():
            pytest.skip(f"{kind.name} is not installed")
        folders = {"data_dir": str(tmp_path / "data"), "log_dir": str(tmp_path)}
        stack = kind({"config": config, **folders}, lambda _event: None)
        started.append(stack)
        (url,) = stack.start({}).api
        return stack, url

    yield start
    for stack in started:
        stack.stop()


def run(folder, adapter, url, server=None, **parts):
    """Run a short load on a system that runs already; return the run directory."""
    target = {"adapter": adapter, "stack": "external", "url": [url], "server": server or {}}
    whole = {
        "version": 1, "name": "cleaned", "about": "A run that is cleaned up.",
        "target": target, "load": LOAD, "recovery_window": "5s", **parts,
    }  # fmt: skip
    (folder / "s.yaml").write_text(yaml.safe_dump(whole))
    gauntlet(folder, "run", "s.yaml", "--plain")
    return run_directory(folder)[0]


def clean(folder, run, *options):
    """Clean up after a run; return the numbers of outcomes by kind and status."""
    text = gauntlet(folder, "clean", run.path, "--json", *options, expected=Exit.OK)
    return Counter((row["kind"], row["status"]) for row in json.loads(text)["outcomes"])


def mqtt_connect(port, client_id, *then, expiry_s=600):
    """Connect to a session, creating it if needed, and send packets; return the first answer."""
    hello = mqtt5.ConnectPacket(client_id, clean_start=False, session_expiry_interval=expiry_s)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"".join(packet.write() for packet in (hello, *then)))
        packet, _ = mqtt5.read(memoryview(connection.recv(4096)))
        connection.sendall(mqtt5.DisconnectPacket().write())
    return packet


@pytest.mark.ci
def test_sessions_of_mqtt_are_ended_and_those_of_others_stay(start, tmp_path):
    stack, url = start(MosquittoStack)
    port = stack.ports[TCP]
    mqtt_connect(port, "gauntlet-other-d0")
    ended = run(tmp_path, "mqtt", url)
    assert clean(tmp_path, ended, "--dry-run")["session", "planned"] == 6
    assert clean(tmp_path, ended)["session", "removed"] == 6
    assert clean(tmp_path, ended)["session", "absent"] == 6
    assert mqtt_connect(port, "gauntlet-other-d0").session_present
    for row in map(json.loads, ended.links.read_text().splitlines()):
        if row["row"] == "user":
            client_id = f"gauntlet-{row['name']}-d0"
            assert not mqtt_connect(port, client_id, expiry_s=0).session_present


def xmpp_events(url, name, *, sign_up=False):
    """Log in as a user; return the events up to the first that decides about it."""
    codec = Xmpp({}).codec(Account(name=name, password="p"), "test")
    if sign_up:
        codec.sign_up()
    seen = []
    with connect(url, subprotocols=["xmpp"]) as websocket:
        websocket.send(codec.open({}).decode())
        while not any(isinstance(event, base.Connected | base.Refused) for event in seen):
            pending = [codec.read(websocket.recv(timeout=20).encode())]
            while pending:
                event = pending.pop(0)
                if isinstance(event, base.EventBatch):
                    pending = [*event.events, *pending]
                    continue
                seen.append(event)
                for frame in event.frames if isinstance(event, base.SendFrames) else ():
                    websocket.send(frame.decode())
        websocket.send(codec.goodbye().decode())
    return seen


def can_log_in(url, name):
    return isinstance(xmpp_events(url, name)[-1], base.Connected)


@pytest.mark.ci
def test_accounts_that_the_run_has_registered_are_removed_and_no_others(start, tmp_path):
    _, url = start(WithRegistration)
    created = xmpp_events(url, "load-1", sign_up=True)
    assert base.Created(kind="account", name="load-1") in created
    named = {"pattern": "load-{n}", "password": "p", "sign_up": True}
    ended = run(tmp_path, "xmpp", url, accounts=named)
    assert can_log_in(url, "load-2")
    literal = ("--scenario", "s.yaml")
    outcomes = clean(tmp_path, ended, *literal)
    assert outcomes["account", "removed"] == 5
    assert outcomes["messages of an account", "kept"] == 1
    assert can_log_in(url, "load-1")
    assert not any(can_log_in(url, f"load-{n}") for n in range(2, 7))
    assert clean(tmp_path, ended, *literal) == {("messages of an account", "kept"): 1}


def nats_request(port, subject, content=b""):
    """Send a request to a NATS server; return the answer."""
    frames = (nats.connect({"verbose": False}), nats.subscribe("answer", 1))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"".join((*frames, nats.publish(subject, content, "answer"))))
        data = b""
        while True:
            data += connection.recv(65_536)
            for found, _ in nats.parse(data):
                if isinstance(found, nats.Message):
                    return json.loads(found.body)


@pytest.mark.full
def test_messages_of_nats_are_removed_and_a_stream_with_others_stays(start, tmp_path):
    stack, url = start(NatsStack)
    ended = run(tmp_path, "nats", url)
    port = stack.ports[TCP]
    nats_request(port, "gauntlet.d%2Eother", b"a message of others")
    outcomes = clean(tmp_path, ended)
    assert outcomes["messages of a conversation", "removed"] > 0
    assert outcomes["stream", "kept"] == 1
    state = nats_request(port, "$JS.API.STREAM.INFO.GAUNTLET")["state"]
    assert state["messages"] == 1
    nats_request(port, "$JS.API.STREAM.PURGE.GAUNTLET")
    assert clean(tmp_path, ended)["stream", "removed"] == 1
    assert "error" in nats_request(port, "$JS.API.STREAM.INFO.GAUNTLET")
    assert not [key for key in clean(tmp_path, ended) if key[1] != "absent"]


def centrifugo(url, command, **content):
    """Call the HTTP API of Centrifugo; return its result."""
    address = url.replace("ws://", "http://").partition("/connection")[0]
    request = urllib.request.Request(
        f"{address}/api/{command}",
        json.dumps(content).encode(),
        {"X-API-Key": "k", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["result"]


@pytest.mark.full
def test_histories_of_centrifugo_are_removed_and_those_of_others_stay(start, tmp_path):
    _, url = start(CentrifugoStack, api_key="k")
    ended = run(tmp_path, "centrifugo", url, {"api_key": "k"})
    centrifugo(url, "publish", channel="d.other", data={"id": "1", "from": "x", "body": "x"})
    literal = ("--scenario", "s.yaml")
    first, second = clean(tmp_path, ended, *literal), clean(tmp_path, ended, *literal)
    assert first["history of a channel", "removed"] > 0
    assert set(second) == {("history of a channel", "absent")}
    left = centrifugo(url, "history", channel="d.other", limit=10)
    assert len(left["publications"]) == 1
