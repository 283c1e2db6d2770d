"""Other load generators as they are usually used, one file each, and how to start them.

All do the same against an echo: so many connections, each sends a text of 120 bytes, waits for its
echo, and sends the next one at once or when its pace allows. They end with `seconds`, or when told.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import reports

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
PAYLOAD_BYTES = 120
_NODE = "npm install --prefix benchmarks/peers"


class Case(NamedTuple):
    """What a peer is asked to do; `pace_s` is the time from send to send, 0 is at once.

    `folder` is its own to write into. `claims`: it is to keep what its percentiles are read from,
    which costs some of them.
    """

    port: int
    connections: int
    pace_s: float
    seconds: int
    folder: Path
    claims: bool = False

    @property
    def url(self) -> str:
        """Where the echo is."""
        return f"ws://127.0.0.1:{self.port}/"


class Peer(NamedTuple):
    """One generator. `command` may write files into the case's folder first.

    `installed` gives what its versions are, or nothing where it cannot run: then `install` helps.
    `claims` reads the percentiles it claims, where it claims any. `bare` is one that keeps no
    statistics at all: less than what a load generator is for.
    """

    name: str
    installed: Callable[[], str]
    install: str
    command: Callable[[Case], list[str]]
    claims: reports.Reader | None = None
    bare: bool = False
    # Whether ours is to be several times as cheap: those in Python and Node, on bare WebSockets.
    compared: bool = False


def _packages(*names: str) -> Callable[[], str]:
    def installed() -> str:
        try:
            return ", ".join(f"{name} {version(name)}" for name in names)
        except PackageNotFoundError:
            return ""

    return installed


def _module(name: str) -> Callable[[], str]:
    def installed() -> str:
        file = MODULES / name / "package.json"
        if shutil.which("node") is None or not file.is_file():
            return ""
        found = json.loads(file.read_text())["version"]
        return f"{name} {found}, node {_said('node', '--version')}"

    return installed


def _program(name: str, argument: str) -> Callable[[], str]:
    def installed() -> str:
        return _said(name, argument) if shutil.which(name) else ""

    return installed


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.strip() or done.stderr.strip()).partition("\n")[0]


def _locust(file: str) -> Callable[[Case], list[str]]:
    def command(case: Case) -> list[str]:
        return [
            *(sys.executable, "-m", "locust", "-f", str(HERE / file)),
            *("--headless", "--only-summary", "--host", case.url, "--pace", str(case.pace_s)),
            *("-u", str(case.connections), "-r", str(case.connections)),
            *("--run-time", f"{case.seconds}s", "--csv", str(case.folder / "locust")),
        ]

    return command


def _python(module: str) -> Callable[[Case], list[str]]:
    def command(case: Case) -> list[str]:
        return [sys.executable, "-m", f"benchmarks.peers.{module}", *_arguments(case)]

    return command


def _ws(case: Case) -> list[str]:
    return ["node", str(HERE / "ws.mjs"), *_arguments(case)]


def _artillery(case: Case) -> list[str]:
    file = case.folder / "artillery.yml"
    think = f'        - think: "{round(case.pace_s * 1000)}ms"\n' if case.pace_s else ""
    text = (HERE / "artillery.yml").read_text()
    text = text.replace("$URL", case.url).replace("$CONNECTIONS", str(case.connections))
    file.write_text(text.replace("# $THINK\n", think))
    return ["node", str(MODULES / "artillery" / "bin" / "run"), "run", str(file)]


def _tsung(case: Case) -> list[str]:
    file = case.folder / "tsung.xml"
    think = f'<thinktime value="{case.pace_s}"/>' if case.pace_s else ""
    text = (HERE / "tsung.xml").read_text()
    text = text.replace("$PORT", str(case.port)).replace("$CONNECTIONS", str(case.connections))
    text = text.replace("$BACKEND", "fullstats" if case.claims else "text")
    file.write_text(text.replace("$THINK", think).replace("$SECONDS", str(case.seconds)))
    return ["tsung", "-n", "-f", str(file), "-l", str(case.folder), "start"]


def _k6(case: Case) -> list[str]:
    return [
        *("k6", "run", "--quiet", "--summary-export", str(case.folder / "k6.json")),
        *("--summary-trend-stats", "p(99),p(99.9)", "--no-usage-report"),
        *("--vus", str(case.connections), "--iterations", str(case.connections)),
        *("-e", f"URL={case.url}", "-e", f"PACE_MS={case.pace_s * 1000}"),
        *("-e", f"SECONDS={case.seconds}", str(HERE / "k6.js")),
    ]


def _arguments(case: Case) -> list[str]:
    return [case.url, str(case.connections), str(case.pace_s), str(case.seconds)]


PEERS: dict[str, Peer] = {
    "locust-websocket-client": Peer(
        "Locust + websocket-client",
        _packages("locust", "websocket-client"),
        "pip install locust websocket-client",
        _locust("locust_websocket_client.py"),
        reports.locust,
        compared=True,
    ),
    "locust-websockets": Peer(
        "Locust + websockets.sync",
        _packages("locust", "websockets"),
        "pip install locust websockets",
        _locust("locust_websockets.py"),
        reports.locust,
        compared=True,
    ),
    "locust-socketio": Peer(
        "Locust SocketIOUser",
        _packages("locust", "python-socketio", "websocket-client"),
        "pip install locust python-socketio websocket-client",
        _locust("locust_socketio.py"),
        reports.locust_calls,
    ),
    "artillery": Peer("Artillery", _module("artillery"), _NODE, _artillery, compared=True),
    "tsung": Peer("Tsung", _program("tsung", "-v"), "apt-get install tsung", _tsung, reports.tsung),
    "k6": Peer("k6", _program("k6", "version"), "go install go.k6.io/k6@latest", _k6, reports.k6),
    "websockets": Peer(
        "websockets.asyncio on uvloop",
        _packages("websockets", "uvloop"),
        "pip install websockets uvloop",
        _python("websockets_uvloop"),
        bare=True,
    ),
    "aiohttp": Peer(
        "aiohttp on uvloop",
        _packages("aiohttp", "uvloop"),
        "pip install aiohttp uvloop",
        _python("aiohttp_uvloop"),
        bare=True,
    ),
    "ws": Peer("node ws", _module("ws"), _NODE, _ws, bare=True),
}
