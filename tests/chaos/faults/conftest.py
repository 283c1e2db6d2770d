"""A fake stack whose registry is real, and doubles of PostgreSQL and of RabbitMQ's tool."""

import subprocess
import time
from types import SimpleNamespace

import msgspec
import pytest
import redis

from gauntlet.chaos.clients import rabbitmqctl as tool
from gauntlet.chaos.faults import (
    _broker_alarm,
    _database,
    lock_table,
    read_only,
    terminate_backends,
)
from gauntlet.stacks.free_port import free_port


@pytest.fixture
def registry(stack, monkeypatch, require_service, tmp_path):
    """A real registry, as a component of the fake stack; a client of it."""
    path = require_service("redis")["path"]
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen([path, *options], stdout=subprocess.DEVNULL)
    components = stack.control.components

    def with_registry():
        known = components()
        real = {"pid": server.pid, "address": f"127.0.0.1:{port}"}
        return {**known, "registry": msgspec.structs.replace(known["registry"], **real)}

    monkeypatch.setattr(stack.control, "components", with_registry)
    try:
        with redis.Redis("127.0.0.1", port, socket_timeout=20) as client:
            await_answer(client)
            yield client
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def change_registry(stack, registry, monkeypatch):
    """Change what the control API reports about the registry."""

    def change(**fields):
        known = stack.control.components()
        changed = {**known, "registry": msgspec.structs.replace(known["registry"], **fields)}
        monkeypatch.setattr(stack.control, "components", lambda: changed)

    return change


def await_answer(client):
    """Wait until a server that has just been started answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


class Session:
    """A session on a fake server: `answers` by the beginning of the statement, in turn."""

    def __init__(self, server):
        self.server = server
        self.closed = False
        server.sessions.append(self)

    def fetch(self, query, *args):
        """Return the next rows for a query; the last ones are repeated."""
        return [tuple(row) for row in self.server.answer(query)]

    def execute(self, *statements):
        """Note the statements, and fail as the server is told to."""
        for statement in statements:
            self.server.executed.append(statement)
            self.server.answer(statement)

    def close(self):
        """End the session."""
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Server:
    """A fake PostgreSQL."""

    def __init__(self):
        self.sessions = []
        self.executed = []
        self.answers = {}

    def answer(self, statement):
        """Return or raise what comes next for statements that contain a key of `answers`."""
        for key, answers in self.answers.items():
            if key in statement:
                found = answers.pop(0) if len(answers) > 1 else answers[0]
                if isinstance(found, Exception):
                    raise found
                return found
        return []


@pytest.fixture
def database(stack, monkeypatch):
    """A fake PostgreSQL as `messages-db` of the fake stack."""
    server = Server()
    monkeypatch.setitem(stack.context.plan.roles, "messages-db", "messages-db")
    stack.control.states["messages-db"] = "up"
    monkeypatch.setattr(_database, "PostgresSession", lambda *_: Session(server))
    for module in (terminate_backends, lock_table, read_only):
        monkeypatch.setattr(module, "PROVE_S", 0.0)
    for module in (_database, lock_table, read_only):
        monkeypatch.setattr(module, "VERIFY_S", 0.0)
    return server


@pytest.fixture
def rabbitmqctl(monkeypatch):
    """A double of the tool: it prints one of `answers` per call, and records the `calls`."""
    double = SimpleNamespace(answers=[], calls=[], code=0)

    def run(argv, *, env, **_options):
        double.calls.append((argv, env))
        answer = double.answers.pop(0)
        return subprocess.CompletedProcess(argv, double.code, stdout=answer + "\n", stderr="")

    monkeypatch.setattr(tool.subprocess, "run", run)
    monkeypatch.setattr(tool.shutil, "which", lambda _: "rabbitmqctl")
    node = SimpleNamespace(environ=lambda: {"RABBITMQ_NODENAME": "broker@localhost"})
    monkeypatch.setattr(tool.psutil, "Process", lambda _pid: node)
    monkeypatch.setattr(_broker_alarm.psutil, "pid_exists", lambda _pid: True)
    return double


@pytest.fixture
def broker(stack, registry, monkeypatch):
    """A real Redis as the broker of the fake stack; a client of it."""
    components = stack.control.components

    def with_broker():
        known = components()
        address = known["registry"].address
        return {**known, "broker": msgspec.structs.replace(known["broker"], address=address)}

    monkeypatch.setattr(stack.control, "components", with_broker)
    monkeypatch.setattr(stack.control, "password", lambda _: None)
    return registry


@pytest.fixture
def amqp(stack):
    """Make the link to the broker of the fake stack one of AMQP."""
    for link in stack.context.plan.links:
        if link.component == "broker":
            link.kind = "amqp"
