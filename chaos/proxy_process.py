"""Starts a fault proxy as a child process: `toxiproxy-server` where installed, else our own."""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal, Self

import psutil

from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.core.errors import StackError

Backend = Literal["auto", "toxiproxy", "embedded"]
BINARY_ENV = "GAUNTLET_TOXIPROXY_SERVER"

_START_S = 15.0
_STOP_S = 3.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def find_binary() -> str | None:
    """The path of `toxiproxy-server`, from GAUNTLET_TOXIPROXY_SERVER or PATH; None if missing."""
    return shutil.which(os.environ.get(BINARY_ENV) or "toxiproxy-server")


class ProxyServer:
    """A running fault proxy. It ends with `stop`, and by itself when this process dies.

    `backend` is what it is, for the record: `toxiproxy 2.12.0` or `embedded`.
    """

    def __init__(self, process: subprocess.Popen[bytes], api_url: str, backend: str) -> None:
        self._process = process
        self.api_url = api_url
        self.backend = backend

    @classmethod
    def start(cls, backend: Backend = "auto", *, log: Path, seed: int = 0) -> Self:
        """Start one and wait for its API; StackError with the last log lines if it does not come.

        `log` receives its output. `seed` makes the rolls of toxicity repeatable (embedded only:
        toxiproxy-server has the option and ignores it). Call it from a thread that lives as long
        as the server does: Linux signals a child when the *thread* that made it ends.
        """
        binary = find_binary()
        if backend == "toxiproxy" and binary is None:
            raise StackError(f"toxiproxy-server is neither on PATH nor in {BINARY_ENV}")
        if backend == "embedded" or binary is None:
            return cls._start_embedded(log, seed)
        return cls._start_toxiproxy(binary, log)

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def stop(self) -> None:
        """End it and its connections; calling it again does nothing."""
        _end(self._process)

    @classmethod
    def _start_embedded(cls, log: Path, seed: int) -> Self:
        argv = [sys.executable, "-P", "-m", "gauntlet.chaos.proxy"]
        process = _spawn([*argv, "--listen", "127.0.0.1:0", "--seed", str(seed)], log)
        assert process.stdout is not None  # it is a pipe
        readable, _, _ = select.select([process.stdout], [], [], _START_S)
        line = process.stdout.readline() if readable else b""
        if not line:
            raise _failed(process, log)
        return cls(process, json.loads(line)["api"], "embedded")

    @classmethod
    def _start_toxiproxy(cls, binary: str, log: Path) -> Self:
        # It neither prints the port it chose nor ends when a given port is taken: so we ask the
        # system where our child listens.
        process = _spawn([binary, "-host", "127.0.0.1", "-port", "0", "-proxy-metrics"], log)
        deadline = time.monotonic() + _START_S
        while process.poll() is None and time.monotonic() < deadline:
            port = _listening_port(process.pid)
            if port is not None:
                client = ProxyClient(f"http://127.0.0.1:{port}")
                return cls(process, client.api_url, f"toxiproxy {client.version()}")
            time.sleep(0.02)
        raise _failed(process, log)


def _spawn(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if "gauntlet.chaos.proxy" in argv else output,
            stderr=output,
            env={**os.environ, "LOG_LEVEL": "info"},  # toxiproxy-server else logs every call
            start_new_session=True,  # Ctrl-C is for the harness, which then heals and stops us
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # calls one C function, takes no lock
        )


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _listening_port(pid: int) -> int | None:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                return int(connection.laddr.port)
    return None


def _failed(process: subprocess.Popen[bytes], log: Path) -> StackError:
    _end(process)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    return StackError(f"the fault proxy did not start; last lines of {log}:\n{tail}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for stop in (process.terminate, process.kill):
        if process.poll() is None:
            stop()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                continue
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
