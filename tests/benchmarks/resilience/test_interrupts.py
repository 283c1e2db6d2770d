"""Signals that end a campaign."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.resilience import __main__ as command
from benchmarks.resilience import campaigns, interrupts
from gauntlet.core.errors import Exit

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# A campaign with a server for which a sleeping process and its folder stand.
CAMPAIGN = """
import asyncio, contextlib, pathlib, subprocess, sys, tempfile, time
from benchmarks.resilience import __main__ as command, kills

@contextlib.contextmanager
def running(*_):
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        try:
            print(child.pid, folder, flush=True)
            yield None
        finally:
            child.kill()
            child.wait()

async def disrupted(*_):
    async def task():
        while True:  # as clients of the server do, it handles its own errors
            with contextlib.suppress(Exception):
                time.sleep(0.001)
            await asyncio.sleep(0)
    await asyncio.create_task(task())

kills.running, kills._disrupted = running, disrupted
sys.exit(command.main(["kills", "--total", "1", "--records", sys.argv[1]]))
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_and_the_second_one_does_not(number):
    cleaned = False
    with interrupts.raised_once():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        cleaned = True
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert cleaned


def test_the_previous_handlers_are_restored():
    before = [signal.getsignal(number) for number in SIGNALS]
    with interrupts.raised_once():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_signal_in_a_task_ends_the_loop_and_the_other_tasks():
    ended = []

    async def other():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("other")

    async def interrupted():
        os.kill(os.getpid(), signal.SIGTERM)

    async def both():
        await asyncio.gather(other(), interrupted(), return_exceptions=True)

    with interrupts.raised_once(), pytest.raises(KeyboardInterrupt):
        asyncio.run(both())
    assert ended == ["other"]


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_campaign_leaves_no_process_and_no_folder(number, tmp_path):
    file = tmp_path / "records.jsonl"
    campaign = subprocess.Popen(
        [sys.executable, "-c", CAMPAIGN, str(file)], stdout=subprocess.PIPE, text=True
    )
    try:
        lines = iter(campaign.stdout)
        next(lines)  # what is begun
        pid, folder = next(lines).split()
        campaign.send_signal(number)
        assert campaign.wait(60) == Exit.INTERRUPTED
        assert "continues the campaign" in campaign.stdout.read()
    finally:
        campaign.kill()
        campaign.wait()
        campaign.stdout.close()
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_an_interrupted_campaign_keeps_its_records(tmp_path, monkeypatch, capsys):
    file = tmp_path / "records.jsonl"

    def interrupted(*_, **__):
        file.write_text("recorded\n")
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(campaigns, "kill_until", interrupted)
    assert command.main(["kills", "--records", str(file)]) == Exit.INTERRUPTED
    assert file.read_text() == "recorded\n"
    assert "continues" in capsys.readouterr().out
