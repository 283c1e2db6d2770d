"""A fake stack whose registry is real."""

import socket
import subprocess
import time

import msgspec
import pytest
import redis


@pytest.fixture
def registry(stack, monkeypatch, require_service, tmp_path):
    """A real registry, as a component of the fake stack; a client of it."""
    path = require_service("redis")["path"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
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
