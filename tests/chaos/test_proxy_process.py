"""Starting and stopping a fault proxy of either backend."""

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

from ..services import missing

pytestmark = pytest.mark.integration


@pytest.fixture(params=["toxiproxy", "embedded"])
def backend(request):
    """Each backend that is installed."""
    if request.param == "toxiproxy" and find_binary() is None:
        missing("toxiproxy-server", "toxiproxy-server is not installed")
    return request.param


def test_a_started_server_answers_until_it_is_stopped(backend, tmp_path):
    """Its API answers when `start` returns, and its process is gone when `stop` does."""
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


def test_several_servers_run_side_by_side(tmp_path):
    """Client links and back-end links have separate processes, each with its own client."""
    servers = [ProxyServer.start("embedded", log=tmp_path / f"{n}.log") for n in range(2)]
    clients = [ProxyClient(server.api_url) for server in servers]
    clients[0].create("link", "127.0.0.1:1")
    assert [list(client.proxies()) for client in clients] == [["link"], []]
    for server in servers:
        server.stop()


def test_a_server_ends_when_its_parent_is_killed(backend, tmp_path):
    """No proxy is left running, however the parent ends."""
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
        parent.wait(30)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(30)
    assert not psutil.pid_exists(pid)


def test_an_environment_variable_may_name_the_binary(monkeypatch, tmp_path):
    """It takes precedence over PATH; if its path does not exist, there is no binary."""
    binary = tmp_path / "my-toxiproxy"
    binary.write_text("#!/bin/sh\necho no; exit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv(BINARY_ENV, str(binary))
    assert find_binary() == str(binary)
    monkeypatch.setenv(BINARY_ENV, str(tmp_path / "missing"))
    assert find_binary() is None


def test_without_the_binary_auto_starts_the_embedded_proxy(monkeypatch, tmp_path):
    """To request the binary explicitly is an error then."""
    monkeypatch.setattr(proxy_process, "find_binary", lambda: None)
    server = ProxyServer.start("auto", log=tmp_path / "proxy.log")
    assert server.backend == "embedded"
    server.stop()
    with pytest.raises(StackError, match="neither on PATH nor in GAUNTLET_TOXIPROXY_SERVER"):
        ProxyServer.start("toxiproxy", log=tmp_path / "proxy.log")


def test_the_error_of_a_failed_start_contains_the_end_of_the_log(monkeypatch, tmp_path):
    binary = tmp_path / "broken"
    binary.write_text("#!/bin/sh\necho out of luck >&2; exit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv(BINARY_ENV, str(binary))
    with pytest.raises(StackError, match="out of luck"):
        ProxyServer.start("toxiproxy", log=tmp_path / "proxy.log")
