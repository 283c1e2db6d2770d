"""The conformance suite tells systems apart: on a real server, over real sockets."""

import asyncio
import sys
from pathlib import Path

import pytest

from gauntlet.cli.main import main
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.scenarios.conformance import bench, check, connections
from gauntlet.scenarios.conformance.findings import Outcome, exit_code
from gauntlet.scenarios.conformance.subject import Subject

from .chat_server import ChatServer

TEMPLATE = "gauntlet.scenarios.adapters._template:Template"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Loopback answers within milliseconds."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(bench, "CONNECT_TIMEOUT_S", 2.0)
    for module in ("messages", "stored", "connections"):
        target = sys.modules[f"gauntlet.scenarios.conformance.{module}"]
        for name in ("QUIET_S", "PUSH_TIMEOUT_S", "_HEADS_TIMEOUT_S", "_STRANGER_TIMEOUT_S"):
            if hasattr(target, name):
                monkeypatch.setattr(target, name, 0.4)


def checked(adapter, timeout_s=60.0, **faults):
    """Check an adapter against a chat server with these faults."""

    async def run():
        async with ChatServer(**faults) as server:
            return await check._check(Subject(adapter, [server.url]), timeout_s)

    report = asyncio.run(run())
    return report, {row.finding.subject: row for row in report.rows}


def test_an_honest_adapter_passes_and_is_offered_what_it_does_not_declare():
    report, rows = checked(TEMPLATE)
    assert exit_code(report.rows) is Exit.OK
    for subject in ("send", "receive", "order", "idempotent_send", "devices", "open_accounts"):
        assert rows[subject].finding.outcome is Outcome.HOLDS, rows[subject]
    for subject in ("server_seq", "timestamps", "self_echo", "history", "rooms", "resume", "heads"):
        assert rows[subject].finding.outcome is Outcome.FAILS, rows[subject]
    suggestions = [row.suggestion for row in report.rows if row.suggestion]
    assert "devices holds and is not declared." in suggestions


def test_a_declared_history_holds_in_small_pages_too():
    report, rows = checked("chat_adapters:WithHistory")
    assert exit_code(report.rows) is Exit.OK
    assert rows["history"].declared
    assert "5 of 5" in rows["history"].finding.sentence
    assert "history show" in rows["idempotent_send"].finding.sentence


def test_a_history_that_is_not_declared_is_suggested():
    report, rows = checked("chat_adapters:Undeclared")
    assert exit_code(report.rows) is Exit.OK
    assert rows["history"].suggestion == "history holds and is not declared."


def test_a_history_that_skips_is_detected():
    report, rows = checked("chat_adapters:WithHistory", skips_history=True)
    assert exit_code(report.rows) is Exit.FAILED
    assert [row.finding.subject for row in report.rows if row.broken] == ["history"]
    assert "1 of 5 acknowledged messages" in rows["history"].finding.sentence


def test_a_system_that_stores_a_retry_twice_is_detected():
    report, rows = checked("chat_adapters:WithHistory", stores_twice=True)
    assert exit_code(report.rows) is Exit.FAILED
    assert [row.finding.subject for row in report.rows if row.broken] == ["idempotent_send"]
    assert "stored twice" in rows["idempotent_send"].finding.sentence


def test_declared_positions_echo_and_resume_are_tried():
    report, _ = checked("chat_adapters:Resuming")
    broken = {row.finding.subject for row in report.rows if row.broken}
    assert broken == {"server_seq", "self_echo", "resume"}


def test_users_who_cannot_connect_end_the_check_with_the_reason():
    report, rows = checked(TEMPLATE, refuses=True)
    assert not report.connected
    assert rows == {}
    assert report.errors[0].text.startswith("closed with 4003 (who are you)")


@pytest.mark.parametrize("registers", [True, False])
def test_users_sign_up_where_the_server_creates_accounts_and_log_in_where_it_does_not(registers):
    """A server may know its users, or accept any name, and still refuse registrations."""
    report, rows = checked("chat_adapters:SigningUp", registers=registers)
    assert report.connected, report.errors
    assert rows["receive"].finding.outcome is Outcome.HOLDS


def test_an_exception_of_the_codec_is_reported_with_its_line():
    report, _ = checked("chat_adapters:Raising")
    assert not report.connected
    (error,) = [found for found in report.errors if found.kind == "adapter"]
    assert error.text.startswith("KeyError: 'welcome' (chat_adapters.py:")


def test_what_was_not_tried_in_time_is_unknown(monkeypatch):
    async def hang(*_):
        yield await asyncio.sleep(60)

    monkeypatch.setattr(connections, "probe_devices", hang)  # the probe before that of `resume`
    report, rows = checked("chat_adapters:Resuming", timeout_s=6.0)
    assert rows["resume"].finding.outcome is Outcome.UNKNOWN
    assert exit_code(report.rows) is Exit.FAILED  # echo and positions were tried


def test_settings_that_the_adapter_does_not_accept_are_a_usage_error():
    subject = Subject(TEMPLATE, ["ws://127.0.0.1:1"], settings={"ping_ms": "soon"})
    with pytest.raises(ConfigError, match="cannot be created with these settings"):
        check.check(subject)


def test_a_host_that_is_not_on_loopback_must_be_allowed():
    with pytest.raises(ConfigError, match="not on loopback"):
        check.check(Subject(TEMPLATE, ["ws://192.0.2.1:9"]))


@pytest.mark.parametrize(
    "options",
    [
        ("--frames", "binary", "--numbered", "--history"),
        ("--http", "--history"),
        ("--http", "--numbered", "--history"),
        ("--unacknowledged",),
    ],
    ids="".join,
)
def test_a_new_adapter_holds_what_it_declares(options, tmp_path, monkeypatch):
    name = f"new{len(list(tmp_path.parent.iterdir()))}_{abs(hash(options)) % 10_000}"
    assert main(["adapter", "new", name, "--out", str(tmp_path), *options]) == 0
    monkeypatch.syspath_prepend(str(tmp_path))
    adapter = f"{name}:{name.replace('_', '').capitalize()}"
    acknowledged = "--unacknowledged" not in options
    report, rows = checked(adapter, acknowledges=acknowledged)
    assert exit_code(report.rows) is Exit.OK, report
    assert ("acknowledged" in rows["send"].finding.sentence) == acknowledged
    for option, capability in (("--numbered", "server_seq"), ("--history", "history")):
        assert rows[capability].declared == (option in options)
