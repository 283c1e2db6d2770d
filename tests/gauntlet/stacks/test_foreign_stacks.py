"""The stacks of other projects' servers: settings and configuration, without their servers."""

import json
from types import SimpleNamespace

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.stacks.centrifugo import CentrifugoStack
from gauntlet.stacks.ejabberd import EjabberdStack
from gauntlet.stacks.mosquitto import MosquittoStack
from gauntlet.stacks.nats import NatsStack
from gauntlet.stacks.server_stack import Program
from gauntlet.stacks.socketio import SocketioStack
from gauntlet.stacks.synapse import SynapseStack

VARIABLES = ("MOSQUITTO", "NATS_SERVER", "CENTRIFUGO", "ERL", "NODE", "SYNAPSE_HOMESERVER")


@pytest.fixture
def make(tmp_path, monkeypatch):
    """`make(Stack, transport, key=value)` creates a stack with another program as its server."""
    made = []
    for variable in VARIABLES:
        monkeypatch.setenv(f"GAUNTLET_{variable}", "/bin/false")
    for kind in (EjabberdStack, SocketioStack):  # which also need files besides their program
        monkeypatch.setattr(type(kind.program), "find", lambda _program: "/bin/false")
        monkeypatch.setattr(type(kind.program), "version", lambda *_: "")

    def create(kind, transport=None, **config):
        request = {"data_dir": str(tmp_path), "log_dir": str(tmp_path), "config": config}
        transport = transport or next(iter(kind.urls))
        made.append(kind({**request, "transport": transport}, lambda _event: None))
        return made[-1]

    yield create
    for stack in made:
        stack.stop()


def test_a_program_is_named_by_its_variable():
    assert Program("nats-server", "").variable == "GAUNTLET_NATS_SERVER"


@pytest.mark.parametrize(
    ("kind", "transport", "link_kind"),
    [
        (MosquittoStack, "websocket", "mqtt-ws"),
        (MosquittoStack, "tcp", "mqtt"),
        (NatsStack, "websocket", "ws"),
        (NatsStack, "tcp", "nats"),
    ],
)
def test_the_link_of_the_clients_is_that_of_the_transport(make, kind, transport, link_kind):
    stack = make(kind, transport)
    (component,), (link,) = stack.plan()
    assert component["role"] == "edge"
    assert (link.name, link.kind) == (f"client>{stack.name}", link_kind)
    assert link.upstream == f"127.0.0.1:{stack.ports[transport]}"


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        (MosquittoStack, {"persistance": False}, "must have only these keys .* got persistance"),
        (MosquittoStack, {"persistence": 1}, "persistence must be true or false; got 1"),
        (MosquittoStack, {"max_queued_messages": -1}, "must be a whole number >= 0; got -1"),
        (NatsStack, {"sync_interval": 5}, "sync_interval must be a duration such as 2m, or always"),
        (CentrifugoStack, {"histroy": False}, "must have only these keys .* got histroy"),
        (CentrifugoStack, {"history": 1}, "history must be true or false; got 1"),
        (SocketioStack, {"recovery": 1}, "recovery must be true or false; got 1"),
        (SocketioStack, {"recover": True}, "must have only these keys .* got recover"),
        (EjabberdStack, {"resume": "no"}, "resume must be true or false; got no"),
        (EjabberdStack, {"storage": "ram"}, "storage must be one of: disk, memory; got ram"),
        (SynapseStack, {"storage": "ram"}, "storage must be one of: disk, memory; got ram"),
        (SynapseStack, {"domian": "x"}, "must have only these keys .* got domian"),
        (NatsStack, {"mode": "x"}, "mode must be one of: jetstream, core; got x"),
    ],
)
def test_wrong_settings_are_refused_before_anything_starts(make, kind, config, message):
    with pytest.raises(ConfigError, match=message):
        make(kind, **config)


def test_a_server_that_has_ended_by_itself_can_be_started(make, monkeypatch):
    """The heal of a fault does that."""
    stack = make(NatsStack)
    started = []
    monkeypatch.setattr(stack, "start_component", lambda: started.append(stack.name))
    stack._child = SimpleNamespace(pid=7, poll=lambda: 1, wait=lambda _: 1)
    stack._state = "up"
    assert stack.act("pause", "KILL") is None
    assert stack.act("start", "KILL") == 7
    assert started == ["nats"]
    stack._child = None


def test_a_transport_that_the_stack_has_not_is_refused(make):
    with pytest.raises(ConfigError, match=r"load\.transport must be one of: websocket, tcp"):
        make(NatsStack, "sse")


def test_mosquitto_gets_the_options_of_the_scenario(make):
    stack = make(MosquittoStack, persistence=False, max_queued_messages=7, qos=2)
    stack.folder.mkdir()
    stack.configure()
    lines = (stack.folder / "mosquitto.conf").read_text().splitlines()
    assert {"persistence false", "max_queued_messages 7"} <= set(lines)
    assert not any(line.startswith("qos") for line in lines)


@pytest.mark.parametrize(("mode", "has_jetstream"), [("jetstream", True), ("core", False)])
def test_nats_has_jetstream_only_in_its_mode(make, mode, has_jetstream):
    stack = make(NatsStack, mode=mode, **({"sync_interval": "always"} if has_jetstream else {}))
    stack.folder.mkdir()
    stack.configure()
    config = json.loads((stack.folder / "nats.json").read_text())
    assert ("jetstream" in config) == has_jetstream
    if has_jetstream:
        assert config["jetstream"]["sync_interval"] == "always"


def configured(make, kind, **config):
    """Return a stack that has written its configuration."""
    stack = make(kind, **config)
    stack.folder.mkdir()
    stack.configure()
    return stack


@pytest.mark.parametrize("history", [True, False])
def test_centrifugo_keeps_history_unless_it_is_turned_off(make, history):
    stack = configured(make, CentrifugoStack, history=history, namespace="chat")
    channel = json.loads((stack.folder / "config.json").read_text())["channel"]
    (namespace,) = channel["namespaces"]
    assert namespace["name"] == "chat"
    assert ("history_size" in namespace) == ("force_recovery" in namespace) == history


def test_socketio_recovers_connections_unless_that_is_turned_off(make):
    assert make(SocketioStack).command()[3] == "120000"
    assert make(SocketioStack, recovery=False).command()[3] == "0"


@pytest.mark.parametrize(("storage", "replaced"), [("disk", False), ("memory", True)])
def test_ejabberd_keeps_its_archive_in_memory_if_that_is_asked_for(make, storage, replaced):
    stack = configured(make, EjabberdStack, storage=storage)
    folder = stack.environment()["EJABBERD_MNESIA_SCHEMA"]
    assert (stack.folder / "ejabberd.schema").exists() == replaced
    assert folder == str(stack.folder.resolve())


@pytest.mark.parametrize(("resume", "timeout"), [(True, 300), (False, 0)])
def test_ejabberd_resumes_streams_unless_that_is_turned_off(make, resume, timeout):
    stack = configured(make, EjabberdStack, resume=resume)
    assert f"resume_timeout: {timeout}}}" in (stack.folder / "ejabberd.yml").read_text()


@pytest.mark.parametrize(("storage", "kept"), [("disk", True), ("memory", False)])
def test_synapse_keeps_its_database_on_disk_unless_that_is_turned_off(make, storage, kept):
    stack = configured(make, SynapseStack, storage=storage, domain="chat.test")
    file = json.loads((stack.folder / "homeserver.yaml").read_text())
    database = file["database"]["args"]["database"]
    assert (database == ":memory:") != kept
    assert database.startswith(str(stack.folder.resolve())) == kept
    assert file["server_name"] == "chat.test"
    (listener,) = file["listeners"]
    assert listener["bind_addresses"] == ["127.0.0.1"]


def test_synapse_limits_nothing_and_knows_the_secret_of_the_scenario(make):
    stack = configured(make, SynapseStack, registration_secret="s")
    file = json.loads((stack.folder / "homeserver.yaml").read_text())
    limits = {key: value for key, value in file.items() if key.startswith("rc_")}
    assert limits["rc_message"]["per_second"] >= 1_000_000
    assert limits["rc_joins"]["local"]["per_second"] >= 1_000_000
    assert file["registration_shared_secret"] == "s"
