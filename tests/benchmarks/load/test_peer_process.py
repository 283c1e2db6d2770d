"""Peers end together with the programs that they started."""

import subprocess
import sys

import psutil

from benchmarks.load import peer_process


def test_programs_started_by_a_peer_end_with_it():
    """Otherwise they would load the server of the next peer."""
    inner = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    outer = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {inner!r}])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", outer]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as child:
        started = psutil.Process(int(child.stdout.readline()))
        peer_process._end(child)
    psutil.wait_procs([started], timeout=30)
    assert not started.is_running() or started.status() == psutil.STATUS_ZOMBIE
