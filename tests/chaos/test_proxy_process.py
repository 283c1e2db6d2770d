"""Starting and stopping either backend."""

import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest

from gauntlet.chaos import proxy_process
from gauntlet.chaos.clients.toxiproxy import ProxyClient, ProxyError
from gauntlet.chaos.proxy_process import BINARY_ENV, ProxyServer, find_binary
from gauntlet.core.errors import StackError

pytestmark = pytest.mark.integration


@pytest.fixture(params=["toxiproxy", "embedded"])
def backend(request):
    """Each backend that this machine has."""
    if request.param == "toxiproxy" and find_binary() is None:
        if os.environ.get("GAUNTLET_REQUIRE_SERVICES") == "1":
            pytest.fail("toxiproxy-server is required and not installed")
        pytest.skip("toxiproxy-server is not installed")
    return request.param


def test_a_server_answers_and_stops(backend, tmp_path):
    """Its API is up when `start` returns, and its process gone when `stop` does."""
    server = ProxyServer.start(backend, log=tmp_path / "logs" / "proxy.log")
    client = ProxyClient(server.api_url)
    assert client.version().startswith("2.12.0")
    assert server.backend == ("embedded" if backend == "embedded" else "toxiproxy 2.12.0")
    assert psutil.pid_exists(server.pid)
    assert os.getsid(server.pid) == server.pid
    server.stop()
    server.stop()
    assert not psutil.pid_exists(server.pid)
    with pytest.raises(ProxyError, match="no answer") as caught:
        client.version()
    assert caught.value.status is None


def test_several_servers_live_side_by_side(tmp_path):
    """Client links and back-end links have separate processes, each with its own client."""
    servers = [ProxyServer.start("embedded", log=tmp_path / f"{n}.log") for n in range(2)]
    clients = [ProxyClient(server.api_url) for server in servers]
    clients[0].create("one", "127.0.0.1:1")
    assert [list(client.proxies()) for client in clients] == [["one"], []]
    for server in servers:
        server.stop()


def test_a_server_dies_with_its_parent(backend, tmp_path):
    """However the parent ends, no proxy stays behind."""
    program = (
        "import sys, time; from pathlib import Path;"
        "from gauntlet.chaos.proxy_process import ProxyServer;"
        "print(ProxyServer.start(sys.argv[1], log=Path(sys.argv[2])).pid, flush=True);"
        "time.sleep(60)"
    )
    argv = [sys.executable, "-P", "-c", program, backend, str(tmp_path / "proxy.log")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(5)
    assert not psutil.pid_exists(pid)


def test_the_environment_names_the_binary(monkeypatch, tmp_path):
    """GAUNTLET_TOXIPROXY_SERVER goes before PATH; a name that leads nowhere is none."""
    binary = tmp_path / "my-toxiproxy"
    binary.write_text("#!/bin/sh\necho no; exit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv(BINARY_ENV, str(binary))
    assert find_binary() == str(binary)
    monkeypatch.setenv(BINARY_ENV, str(tmp_path / "missing"))
    assert find_binary() is None


def test_without_the_binary_auto_is_embedded(monkeypatch, tmp_path):
    """A machine with only Python has a fault proxy too; asking for the binary is an error."""
    monkeypatch.setattr(proxy_process, "find_binary", lambda: None)
    server = ProxyServer.start("auto", log=tmp_path / "proxy.log")
    assert server.backend == "embedded"
    server.stop()
    with pytest.raises(StackError, match="neither on PATH nor in GAUNTLET_TOXIPROXY_SERVER"):
        ProxyServer.start("toxiproxy", log=tmp_path / "proxy.log")


def test_a_server_that_does_not_come_shows_its_last_words(monkeypatch, tmp_path):
    """The error holds the end of its log."""
    binary = tmp_path / "broken"
    binary.write_text("#!/bin/sh\necho out of luck >&2; exit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv(BINARY_ENV, str(binary))
    with pytest.raises(StackError, match="out of luck"):
        ProxyServer.start("toxiproxy", log=tmp_path / "proxy.log")
