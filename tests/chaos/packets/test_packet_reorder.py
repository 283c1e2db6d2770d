"""Packets of the given ports overtake each other in the kernel, until the process ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gauntlet.chaos.packets import packet_reorder, queue_rules
from gauntlet.chaos.packets.packet_reorder import PacketReorder
from gauntlet.core.errors import StackError

TABLE = f"gauntlet_test_{os.getpid()}_reorder"
HOLD_S = 0.05


@pytest.fixture
def able():
    """Skip where packets cannot be reordered."""
    if reason := packet_reorder.unavailable():
        pytest.skip(reason)


def out_of_order():
    """Return how many packets the kernel has received out of order, of all connections."""
    names, values = map(str.split, Path("/proc/net/netstat").read_text().splitlines()[:2])
    return int(values[names.index("TCPOFOQueue")])


def send(listener, until=lambda: False, count=10_000):
    """Send small packets until a condition holds, or so many; they must arrive in order."""
    received, sent = [], []

    def receive():
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(4096):
                received.append(data)

    thread = threading.Thread(target=receive)
    thread.start()
    with socket.create_connection(listener.getsockname(), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while len(sent) < count and not until():
            sent.append(b"%d," % len(sent))
            connection.sendall(sent[-1])
            time.sleep(0.001)  # each packet is sent by itself
    thread.join(60)
    assert b"".join(received) == b"".join(sent)


@pytest.mark.usefixtures("able")
def test_packets_overtake_each_other_until_the_rules_are_removed():
    with (
        socket.create_server(("127.0.0.1", 0)) as port,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        before = out_of_order()
        rules = PacketReorder(TABLE, [port.getsockname()[1]], 0.5, HOLD_S)
        try:
            assert (rules.affected(), rules.is_removed) == (0, False)
            send(other, count=20)
            assert rules.affected() == 0, "other ports are not affected"
            send(port, lambda: rules.affected() > 5 and out_of_order() > before)
            assert rules.affected() > 5
            assert out_of_order() > before
        finally:
            rules.remove()
        assert (rules.is_removed, rules.affected()) == (True, 0)
        rules.remove()
        send(port, count=20)


@pytest.mark.usefixtures("able")
def test_a_process_that_is_killed_leaves_no_rules():
    code = (
        "import os, signal; from gauntlet.chaos.packets.packet_reorder import PacketReorder;"
        f"PacketReorder({TABLE!r}, [1], 0.5, 1.0); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-P", "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while queue_rules.exists(TABLE):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("able")
def test_a_reorderer_that_is_killed_is_an_error_and_no_table_is_left():
    rules = PacketReorder(TABLE, [1], 0.5, HOLD_S)
    try:
        rules._process.kill()
        rules._process.wait()
        with pytest.raises(StackError, match="does not answer"):
            rules.affected()
    finally:
        rules.remove()
    assert rules.is_removed


@pytest.mark.usefixtures("able")
def test_two_faults_at_once_have_queues_and_tables_of_their_own():
    first, second = (PacketReorder(f"{TABLE}_{n}", [1], 0.5, HOLD_S) for n in (1, 2))
    first.remove()
    assert (first.is_removed, second.is_removed, second.affected()) == (True, False, 0)
    second.remove()


def test_on_other_systems_the_reason_says_so(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert packet_reorder.unavailable() == (
        "packets are reordered by netfilter, which only Linux has"
    )


def run_instead(monkeypatch, code):
    """Replace the process by one that runs this code."""
    popen = subprocess.Popen
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda _command, **options: popen([sys.executable, "-c", code], **options),
    )


def test_what_the_kernel_refuses_is_the_reason(monkeypatch):
    run_instead(monkeypatch, """print('{"error": "it takes root"}')""")
    reason = packet_reorder.unavailable()
    assert reason == "the kernel does not queue packets for this process: it takes root"


@pytest.mark.parametrize("code", ["", "import time; time.sleep(60)"])
def test_a_process_that_does_not_answer_is_ended_and_a_reason(monkeypatch, code):
    run_instead(monkeypatch, code)
    monkeypatch.setattr(packet_reorder, "_TIMEOUT_S", 0.5)
    assert "does not answer" in packet_reorder.unavailable()
