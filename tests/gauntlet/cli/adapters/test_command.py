"""`gauntlet adapter check` as a command."""

import json

import pytest

from gauntlet.cli.adapters import command
from gauntlet.cli.main import main
from gauntlet.core.scenario.accounts import Account
from gauntlet.scenarios.conformance.bench import _users_of
from gauntlet.scenarios.conformance.subject import Subject
from gauntlet.stacks.free_port import free_port

TEMPLATE = "gauntlet.scenarios.adapters._template:Template"


@pytest.fixture
def closed_port():
    """A port of loopback on which no program listens."""
    return free_port()


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


async def _give_up_soon(client, timeout_s=30.0):
    """Wait for the first error only, and not as long as for a server that is being started."""
    from gauntlet.scenarios.conformance.bench import until

    client.session.start()
    await until(lambda: client.session.connected or client.bench.errors.counts(), timeout_s)
    return client.session.connected


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


@pytest.fixture
def checked(monkeypatch):
    """The subjects that were to be checked; none is."""
    subjects = []

    def check(subject, _timeout_s):
        subjects.append(subject)
        return command.Report(connected=False, rows=[], errors=[])

    monkeypatch.setattr(command.check, "check", check)
    return subjects


CHECK = ["adapter", "check", TEMPLATE, "--url", "ws://127.0.0.1:1"]


def test_secrets_are_given_by_reference(checked, monkeypatch, tmp_path, capsys):
    """Also settings of the adapter, of which the others stay what they are."""
    monkeypatch.setenv("IM_PASSWORD", "hunter2")
    (tmp_path / "token").write_text("t0ken\n")
    arguments = ["--password", "{env: IM_PASSWORD}", "--token", f"{{file: {tmp_path}/token}}"]
    settings = ["--set", "key={env: IM_PASSWORD}", "--set", "n=7"]
    assert main([*CHECK, *arguments, *settings]) == 3
    (subject,) = checked
    assert (subject.password, subject.token) == ("hunter2", "t0ken")
    assert subject.settings == {"key": "hunter2", "n": 7}
    assert "hunter2" not in f"{subject!r}".replace("'key': 'hunter2'", "")
    assert main([*CHECK, "--password", "{command: [echo, hunter3]}", "--allow-exec"]) == 3
    assert checked[-1].password == "hunter3"
    assert main(CHECK) == 3
    assert checked[-1].password == checked[-1].token == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--password", "hunter2"], "--password must be a reference"),
        (["--password", ""], "--password must be a reference"),
        (["--token", "{env: 7}"], "--token must be a reference"),
        (["--token", "{env: A, file: B}"], "--token must be a reference"),
        (["--set", "key={value: hunter2}"], "--set key must be a reference"),
        (["--password", "{env: NO_SUCH_VARIABLE}"], "NO_SUCH_VARIABLE must be set"),
        (["--password", "{command: [echo, hunter2]}"], "only with --allow-exec"),
    ],
)
def test_what_is_no_reference_is_refused_without_being_shown(checked, arguments, reason, capsys):
    assert main([*CHECK, *arguments]) == 4
    text = capsys.readouterr().err
    assert reason in text
    assert "hunter2" not in text
    assert checked == []


@pytest.mark.parametrize("shared", [{}, {"password": "p", "token": "t"}])
def test_a_shared_password_is_that_of_all_accounts_without_one(shared):
    """Users without an account have names of our own."""
    accounts = (Account("ann", password="own"), Account("bob", token="own"))
    subject = Subject(TEMPLATE, ["ws://127.0.0.1:1"], accounts=accounts, **shared)
    ann, bob = (each.account for each in _users_of(subject, subject.create_adapter(), "1"))
    password, token = shared.get("password", ""), shared.get("token", "")
    assert (ann.password, ann.token, bob.password, bob.token) == ("own", token, password, "own")
    subject = Subject(TEMPLATE, ["ws://127.0.0.1:1"], **shared)
    users = _users_of(subject, subject.create_adapter(), "1")
    assert [(each.number, each.account.password) for each in users] == [
        (1, password),
        (2, password),
    ]
