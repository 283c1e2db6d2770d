"""Other load generators ("peers"), each used as its users usually do, and how to start them.

All put the same load on an echo server: each connection sends a text of 120 bytes, waits for its
echo, and sends the next text immediately or at its pace. They end after `seconds` or by a signal.
"""

import json
import shlex
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
    """The load that a peer generates.

    `pace_s` is the time between two sends of a connection, on average; with 0, the next send
    follows the echo immediately. The peer may write files into `folder`. With `keep_samples` it
    keeps the samples from which its percentiles are read; some peers need more CPU time for this.
    """

    port: int
    connections: int
    pace_s: float
    seconds: int
    folder: Path
    keep_samples: bool = False

    @property
    def url(self) -> str:
        """The URL of the echo server."""
        return f"ws://127.0.0.1:{self.port}/"


class Peer(NamedTuple):
    """A load generator.

    `versions` returns the versions of its parts, or an empty text if it is not installed; then
    `install_command` installs it. `command` returns its command line, and may write files into the
    folder of the case before. `read_latency` reads the percentiles that it reports, if it reports
    any. A peer `without_statistics` only sends and receives, like a client library.
    """

    name: str
    versions: Callable[[], str]
    install_command: str
    command: Callable[[Case], list[str]]
    read_latency: reports.Reader | None = None
    without_statistics: bool = False
    # Whether our engine should cost several times less. This applies to load generators in Python
    # and Node that use WebSocket without a further protocol.


def _package_versions(*names: str) -> Callable[[], str]:
    def versions() -> str:
        try:
            return ", ".join(f"{name} {version(name)}" for name in names)
        except PackageNotFoundError:
            return ""

    return versions


def _node_module_version(name: str) -> Callable[[], str]:
    def versions() -> str:
        file = MODULES / name / "package.json"
        if shutil.which("node") is None or not file.is_file():
            return ""
        module_version = json.loads(file.read_text())["version"]
        return f"{name} {module_version}, node {_first_line('node', '--version')}"

    return versions


def _program_version(name: str, argument: str) -> Callable[[], str]:
    def versions() -> str:
        return _first_line(name, argument) if shutil.which(name) else ""

    return versions


def _first_line(*command: str) -> str:
    """Return the first line that a command prints."""
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
    text = text.replace("$BACKEND", "fullstats" if case.keep_samples else "text")
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


def _floor(case: Case) -> list[str]:
    program = shlex.quote(str(case.folder / "floor"))
    build = f"cc -O2 -o {program} {shlex.quote(str(HERE / 'floor.c'))} -lm"
    arguments = f"{case.port} {case.connections} {case.pace_s} {case.seconds}"
    return ["sh", "-c", f"{build} && exec {program} {arguments}"]


def _arguments(case: Case) -> list[str]:
    return [case.url, str(case.connections), str(case.pace_s), str(case.seconds)]


PEERS: dict[str, Peer] = {
    "locust-websocket-client": Peer(
        "Locust + websocket-client",
        _package_versions("locust", "websocket-client"),
        "pip install locust websocket-client",
        _locust("locust_websocket_client.py"),
        reports.locust,
    ),
    "locust-websockets": Peer(
        "Locust + websockets.sync",
        _package_versions("locust", "websockets"),
        "pip install locust websockets",
        _locust("locust_websockets.py"),
        reports.locust,
    ),
    "locust-socketio": Peer(
        "Locust SocketIOUser",
        _package_versions("locust", "python-socketio", "websocket-client"),
        "pip install locust python-socketio websocket-client",
        _locust("locust_socketio.py"),
        reports.locust_calls,
    ),
    "artillery": Peer("Artillery", _node_module_version("artillery"), _NODE, _artillery),
    "tsung": Peer(
        "Tsung", _program_version("tsung", "-v"), "apt-get install tsung", _tsung, reports.tsung
    ),
    "k6": Peer(
        "k6", _program_version("k6", "version"), "go install go.k6.io/k6@latest", _k6, reports.k6
    ),
    "websockets": Peer(
        "websockets.asyncio on uvloop",
        _package_versions("websockets", "uvloop"),
        "pip install websockets uvloop",
        _python("websockets_uvloop"),
        without_statistics=True,
    ),
    "aiohttp": Peer(
        "aiohttp on uvloop",
        _package_versions("aiohttp", "uvloop"),
        "pip install aiohttp uvloop",
        _python("aiohttp_uvloop"),
        without_statistics=True,
    ),
    "ws": Peer("node ws", _node_module_version("ws"), _NODE, _ws, without_statistics=True),
    "floor": Peer(
        "C on epoll",
        _program_version("cc", "--version"),
        "apt-get install gcc",
        _floor,
        without_statistics=True,
    ),
}
