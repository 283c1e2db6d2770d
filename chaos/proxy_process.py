"""Starts a fault proxy as a child process: `toxiproxy-server` if installed, else the embedded."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psutil

from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.core.errors import StackError
from gauntlet.core.parent_death import exit_with_parent
from gauntlet.core.plugins import ProxyBackend

Backend = ProxyBackend
BINARY_ENV = "GAUNTLET_TOXIPROXY_SERVER"

_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 3.0
_POLL_S = 0.02
_EMBEDDED_MODULE = "gauntlet.chaos.proxy"


def find_binary() -> str | None:
    """Return the path of `toxiproxy-server` (GAUNTLET_TOXIPROXY_SERVER, else PATH), or None."""
    return shutil.which(os.environ.get(BINARY_ENV) or "toxiproxy-server")


class ProxyServer:
    """A running fault proxy. It ends when `stop` is called or when this process dies.

    `backend` describes the implementation, for the manifest: `toxiproxy 2.12.0` or `embedded`.
    """

    def __init__(self, process: subprocess.Popen[bytes], api_url: str, backend: str) -> None:
        self._process = process
        self.api_url = api_url
        self.backend = backend

    @classmethod
    def start(cls, backend: Backend = "auto", *, log: Path, seed: int = 0) -> Self:
        """Start a proxy server and wait until its API answers.

        `log` receives the server's output. `seed` makes the random decisions of toxicity repeatable
        (embedded only: toxiproxy-server accepts the option and ignores it). Call this from a thread
        that lives as long as the server is needed (see `gauntlet.core.parent_death`). Raises
        StackError, with the last lines of the log, if the server does not start.
        """
        binary = find_binary()
        if backend == "toxiproxy" and binary is None:
            raise StackError(
                f"toxiproxy-server is neither on PATH nor in {BINARY_ENV}; install it, or use the "
                "embedded proxy (--proxy-backend embedded)"
            )
        if backend == "embedded" or binary is None:
            return cls._start_embedded(log, seed)
        return cls._start_toxiproxy(binary, log)

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def stop(self) -> None:
        """End the server and its connections; a second call does nothing."""
        _terminate(self._process)

    @classmethod
    def _start_embedded(cls, log: Path, seed: int) -> Self:
        command = [sys.executable, "-P", "-m", _EMBEDDED_MODULE]
        process = _spawn([*command, "--listen", "127.0.0.1:0", "--seed", str(seed)], log)
        assert process.stdout is not None  # it is a pipe
        readable, _, _ = select.select([process.stdout], [], [], _START_TIMEOUT_S)
        ready_line = process.stdout.readline() if readable else b""
        if not ready_line:
            raise _start_error(process, log)
        return cls(process, json.loads(ready_line)["api"], "embedded")

    @classmethod
    def _start_toxiproxy(cls, binary: str, log: Path) -> Self:
        # toxiproxy-server neither prints the port that it chose, nor exits when a given port is
        # taken. Let it choose one, and ask the operating system where the child listens.
        process = _spawn([binary, "-host", "127.0.0.1", "-port", "0", "-proxy-metrics"], log)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline:
            port = _listening_port(process.pid)
            if port is not None:
                client = ProxyClient(f"http://127.0.0.1:{port}")
                return cls(process, client.api_url, f"toxiproxy {client.version()}")
            time.sleep(_POLL_S)
        raise _start_error(process, log)


def _spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if _EMBEDDED_MODULE in command else output,
            stderr=output,
            env={**os.environ, "LOG_LEVEL": "info"},  # by default toxiproxy-server logs every call
            start_new_session=True,  # Ctrl-C must reach only the harness, which heals and stops us
            preexec_fn=exit_with_parent(signal.SIGKILL),  # noqa: PLW1509  # one prctl call, no lock
        )


def _listening_port(pid: int) -> int | None:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                return int(connection.laddr.port)
    return None


def _start_error(process: subprocess.Popen[bytes], log: Path) -> StackError:
    _terminate(process)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    return StackError(f"the fault proxy did not start; the last lines of {log}:\n{tail}")


def _terminate(process: subprocess.Popen[bytes]) -> None:
    for stop in (process.terminate, process.kill):
        if process.poll() is None:
            stop()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
