"""`gauntlet adapter check` as a command."""

import json
import socket

import pytest

from gauntlet.cli.adapters import command
from gauntlet.cli.main import main

TEMPLATE = "gauntlet.scenarios.adapters._template:Template"


@pytest.fixture
def closed_port():
    """A port of loopback on which no program listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_without_a_server_the_reason_is_printed_and_the_exit_code_is_3(
    closed_port, monkeypatch, capsys
):
    monkeypatch.setattr("gauntlet.scenarios.conformance.bench.Client.connect", _give_up_soon)
    arguments = ["adapter", "check", TEMPLATE, "--url", f"ws://127.0.0.1:{closed_port}"]
    assert main(arguments) == 3
    text = capsys.readouterr().out
    assert "could not connect" in text
    assert "refused" in text
    assert main([*arguments, "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["connected"] is False
    assert document["findings"] == []
    assert document["errors"][0]["concerns"] == "connect"


async def _give_up_soon(client, timeout_s=0.5):
    from gauntlet.scenarios.conformance.bench import until

    client.session.start()
    return await until(lambda: client.session.connected, timeout_s)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "required"),
        (("--url", "ws://127.0.0.1:1", "--users", "1"), "between 2 and 20"),
        (("--url", "ws://127.0.0.1:1", "--set", "ping"), "key=value"),
        (("--url", "ws://127.0.0.1:1", "--transport", "pigeon"), "--transport must be one of"),
        (("--url", "ftp://127.0.0.1"), "must begin with"),
        (("--url", "ws://127.0.0.1:1", "--accounts", "/nowhere.csv"), "cannot be read"),
    ],
)
def test_bad_usage_is_exit_code_4(arguments, reason, capsys):
    assert main(["adapter", "check", TEMPLATE, *arguments]) == 4
    assert reason in capsys.readouterr().err


def test_settings_are_numbers_flags_or_text():
    pairs = ["n=7", "x=1.5", "on=true", "text=a=b", "list=[1]"]
    assert command._settings(pairs) == {
        "n": 7,
        "x": 1.5,
        "on": True,
        "text": "a=b",
        "list": "[1]",
    }
