"""The toxics of a run in a Toxiproxy that was there before: removed even after a crash."""

import subprocess
import sys
import time

import pytest

from gauntlet.chaos.clients.running_toxiproxy import Guard, address_of, prefix_of, remove_toxics
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.proxy_process import ProxyServer
from gauntlet.core.errors import StackError

PREFIX = prefix_of("run-1")
CRASH = """
import os, signal, sys
from gauntlet.chaos.clients.running_toxiproxy import Guard
Guard(*sys.argv[1:])
print("guarded", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def client(tmp_path):
    """A server with one proxy, and on it a foreign toxic and one of ours."""
    server = ProxyServer.start("embedded", log=tmp_path / "proxy.log")
    client = ProxyClient(server.api_url)
    client.create("db", "127.0.0.1:1")
    for name in ("theirs", f"{PREFIX}slow-downstream"):
        client.add_toxic("db", "latency", attributes={"latency": 5}, name=name)
    yield client
    server.stop()


def names(client):
    """The names of all toxics."""
    return [toxic.name for toxic in client.toxics("db")]


def test_only_toxics_with_our_prefix_are_removed(client):
    assert remove_toxics(client, prefix_of("run-2")) == []
    assert remove_toxics(client, PREFIX) == [f"{PREFIX}slow-downstream"]
    assert names(client) == ["theirs"]


def test_closing_the_guard_removes_what_is_left(client):
    Guard(client.api_url, PREFIX).close()
    assert names(client) == ["theirs"]


def test_the_guard_acts_when_its_process_is_killed(client):
    command = [sys.executable, "-P", "-c", CRASH, client.api_url, PREFIX]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    with child:
        assert child.stdout.readline() == b"guarded\n"
        assert child.wait(30) == -9
    deadline = time.monotonic() + 60
    while names(client) != ["theirs"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert names(client) == ["theirs"]


def test_without_a_toxiproxy_there_is_an_error_that_names_the_key():
    with pytest.raises(StackError, match=r"target\.toxiproxy"):
        Guard("http://127.0.0.1:1", PREFIX)


@pytest.mark.parametrize(
    ("listen", "address"),
    [("[::]:26379", "10.0.0.9:26379"), ("0.0.0.0:26379", "10.0.0.9:26379"),
     ("127.0.0.1:26379", "127.0.0.1:26379")],
)  # fmt: skip
def test_a_proxy_that_listens_everywhere_is_reached_where_the_api_is(listen, address):
    assert address_of(listen, "http://10.0.0.9:8474") == address
