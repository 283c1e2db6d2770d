"""The embedded proxy as a process."""

import json
import signal
import subprocess
import sys

import pytest
import requests

pytestmark = pytest.mark.integration


@pytest.fixture
def process():
    """A running proxy, whose API has been announced."""
    argv = [sys.executable, "-P", "-m", "gauntlet.chaos.proxy"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.api = json.loads(child.stdout.readline())["api"]
        yield child
        child.kill()


def test_it_announces_its_api_and_ends_with_its_input(process):
    """One JSON line when ready; the end of standard input is the end."""
    assert requests.get(process.api + "/version", timeout=5).status_code == 200
    process.stdin.close()
    assert process.wait(5) == 0
    assert process.stdout.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal(process, number):
    """Gracefully, also while a link is open."""
    body = {"name": "p", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}
    assert requests.post(process.api + "/proxies", json=body, timeout=5).status_code == 201
    process.send_signal(number)
    assert process.wait(5) == 0
