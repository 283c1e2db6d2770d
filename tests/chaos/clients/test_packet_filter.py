"""The kernel drops packets of the given ports only, and the rules end with their process."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from gauntlet.chaos.clients import packet_filter
from gauntlet.chaos.clients.packet_filter import PacketFilter
from gauntlet.core.errors import StackError

TABLE = f"gauntlet_test_{os.getpid()}"


@pytest.fixture
def able():
    """Skip where packets cannot be dropped."""
    if reason := packet_filter.unavailable():
        pytest.skip(reason)


@contextmanager
def echo():
    """A server that echoes; its port."""

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while data := connection.recv(100):
                    connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(30)


def talk(port, count):
    """Exchange bytes one by one; return the seconds that it took."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for _ in range(count):
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
    return time.monotonic() - began


@pytest.mark.usefixtures("able")
def test_packets_are_lost_and_sent_again_until_the_rules_are_removed():
    with echo() as lossy, echo() as other:
        rules = PacketFilter(TABLE, [lossy], 0.3)
        try:
            assert (rules.affected(), rules.is_removed) == (0, False)
            talk(other, 20)
            assert rules.affected() == 0, "other ports are not affected"
            assert talk(lossy, 8) > 0.15  # TCP waits 200 ms before it sends again
            assert rules.affected() > 0
        finally:
            rules.remove()
        assert (rules.is_removed, rules.affected()) == (True, 0)
        rules.remove()
        talk(lossy, 5)


@pytest.mark.usefixtures("able")
def test_a_process_that_is_killed_leaves_no_rules():
    code = (
        "import os, signal; from gauntlet.chaos.clients.packet_filter import PacketFilter;"
        f"PacketFilter({TABLE!r}, [1], 0.5); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-P", "-c", code], check=False)
    assert killed.returncode == -9
    deadline = time.monotonic() + 60
    show = ["nft", "list", "table", "inet", TABLE]
    while subprocess.run(show, capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("able")
def test_a_rule_that_the_kernel_refuses_is_reported_and_nothing_is_left():
    with pytest.raises(StackError, match="does not drop packets for this process: Error"):
        PacketFilter(TABLE, [99_999], 0.5)
    show = ["nft", "list", "table", "inet", TABLE]
    assert subprocess.run(show, capture_output=True, check=False).returncode != 0


def test_without_nft_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", "")
    assert "nft, which was not found; install it" in packet_filter.unavailable()


def test_a_program_that_ends_at_once_is_a_reason(monkeypatch, tmp_path):
    (tmp_path / "nft").write_text("#!/bin/sh\necho 'Operation not permitted'\nexit 1\n")
    (tmp_path / "nft").chmod(0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = packet_filter.unavailable()
    assert reason == "the kernel does not drop packets for this process: Operation not permitted"


def test_a_program_that_does_not_answer_is_ended_and_a_reason(monkeypatch, tmp_path):
    (tmp_path / "nft").write_text(f"#!{sys.executable}\nimport time; time.sleep(60)\n")
    (tmp_path / "nft").chmod(0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packet_filter, "_TIMEOUT_S", 0.2)
    reason = packet_filter.unavailable()
    assert reason == "the kernel does not drop packets for this process: nft does not answer"


def test_trials_of_several_processes_do_not_meet_in_one_table(monkeypatch):
    tables = []

    class Filter:
        def __init__(self, table, _ports, _share):
            tables.append(table)

        def remove(self):
            pass

    monkeypatch.setattr(packet_filter, "PacketFilter", Filter)
    assert [packet_filter.unavailable() for _ in range(2)] == ["", ""]
    assert len(set(tables)) == 2
