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
    """A running proxy that has printed the address of its API."""
    argv = [sys.executable, "-P", "-m", "gauntlet.chaos.proxy"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.api = json.loads(child.stdout.readline())["api"]
        yield child
        child.kill()


def test_the_process_prints_its_api_and_exits_when_stdin_ends(process):
    """It prints one JSON line, and nothing else."""
    assert requests.get(process.api + "/version", timeout=30).status_code == 200
    process.stdin.close()
    assert process.wait(30) == 0
    assert process.stdout.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_exits_on_a_signal(process, number):
    """It exits with code 0, also while a proxy is listening."""
    body = {"name": "p", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}
    assert requests.post(process.api + "/proxies", json=body, timeout=30).status_code == 201
    process.send_signal(number)
    assert process.wait(30) == 0
