"""`gauntlet proxy`: the fault proxy alone, with the options and the file of `toxiproxy-server`."""

import json
import os
import signal
import socket
import subprocess

import pytest
import requests
from toxiproxy import Toxiproxy

from gauntlet.cli.arguments import build_parser
from gauntlet.cli.commands import COMMANDS
from gauntlet.core.errors import ConfigError
from gauntlet.stacks.subprocesses import python

pytestmark = pytest.mark.integration


@pytest.fixture
def start():
    """Start `gauntlet proxy`, and end it after the test."""
    children = []

    def run(*options):
        child = subprocess.Popen(
            [*python("gauntlet"), "proxy", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield run
    for child in children:
        child.kill()
        child.communicate()


def ready(child):
    """Return the address of the API, and the lines before it."""
    lines = []
    for line in child.stdout:
        if line.startswith("api "):
            return line.split()[1], lines
        lines.append(line.split())
    raise AssertionError(child.stderr.read())


@pytest.fixture
def config(tmp_path):
    """Write a configuration file."""

    def write(content):
        path = tmp_path / "proxies.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_proxies_of_the_file_work_and_are_shown(start, config):
    """With the options as `toxiproxy-server` has them; unknown keys of the file are ignored."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        address = f"127.0.0.1:{upstream.getsockname()[1]}"
        path = config(
            [
                {"name": "one", "listen": "127.0.0.1:0", "upstream": address, "comment": "x"},
                {"name": "off", "listen": "127.0.0.1:0", "upstream": address, "enabled": False},
            ]
        )
        child = start("-host", "127.0.0.1", "-port", "0", "-config", str(path), "-proxy-metrics")
        api, (one, off) = ready(child)
        assert (one[0], one[2:]) == ("one", ["→", address])
        assert off[-1] == "(disabled)"
        proxies = requests.get(f"{api}/proxies", timeout=30).json()
        assert proxies["one"]["listen"] == one[1]
        host, port = one[1].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as client:
            client.sendall(b"hello")
            server, _ = upstream.accept()
            with server:
                assert server.recv(5) == b"hello"


def test_the_python_client_of_toxiproxy_uses_it(start):
    api, _ = ready(start("--port", "0"))
    server = Toxiproxy()
    server.update_api_consumer("127.0.0.1", int(api.rpartition(":")[2]))
    assert server.version()
    proxy = server.create(name="p", upstream="127.0.0.1:1", listen="127.0.0.1:0", enabled=True)
    proxy.add_toxic(type="latency", attributes={"latency": 7})
    assert proxy.get_toxic("latency_downstream").attributes["latency"] == 7
    server.reset()
    assert server.get_proxy("p").toxics() == {}
    metrics = requests.get(f"{api}/metrics", timeout=30).text
    assert float(metrics.rpartition("process_resident_memory_bytes ")[2].split()[0]) > 1e6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_success(start, number):
    child = start("--port", "0")
    ready(child)
    os.kill(child.pid, number)
    assert child.wait(30) == 0
    assert child.stderr.read() == ""


# content of the file, exit code, message
WRONG = [
    ("{", 4, "cannot be read"),
    ("[" * 100_000, 4, "cannot be read"),
    ('[{"name": "\udcff"}]', 4, "cannot be read"),
    ("{}", 4, "bad request body: "),
    ([{"upstream": "127.0.0.1:1"}], 4, "missing required field: name at proxy 1"),
    (
        [{"name": "x", "upstream": "u:1", "listen": "127.0.0.1:99999"}],
        3,
        "listen tcp: address 99999: invalid port",
    ),
]


@pytest.mark.parametrize(("content", "code", "message"), WRONG)
def test_a_wrong_file_ends_the_start_with_its_name_and_no_traceback(
    start, config, content, code, message
):
    path = config("")
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(text.encode(errors="surrogateescape"))
    child = start("--port", "0", "--config", str(path))
    _, error = child.communicate(timeout=60)
    assert child.returncode == code
    assert error.startswith(f"gauntlet: {path}")
    assert message in error
    assert "Traceback" not in error


def test_a_device_without_end_is_refused(start):
    """It would fill the memory."""
    _, error = start("--port", "0", "--config", "/dev/zero").communicate(timeout=60)
    assert "/dev/zero cannot be read" in error
    assert "Traceback" not in error


def test_a_missing_file_and_a_port_in_use_are_errors(start, tmp_path):
    child = start("--port", "0", "--config", str(tmp_path / "none.json"))
    _, error = child.communicate(timeout=60)
    assert (child.returncode, "none.json cannot be read" in error) == (4, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        child = start("--port", str(port))
        _, error = child.communicate(timeout=60)
    assert child.returncode == 3
    assert error == (
        f"gauntlet: the API cannot listen on 127.0.0.1:{port}: address already in use\n"
    )


@pytest.mark.parametrize("port", ["65536", "-1", "x", "", "１２", "9" * 5000, "0" * 9 + "65536"])
def test_a_port_that_does_not_exist_is_bad_usage(port):
    with pytest.raises(ConfigError, match=r"must be between 0 and 65535; got"):
        build_parser(COMMANDS).parse_args(["proxy", f"--port={port}"])
