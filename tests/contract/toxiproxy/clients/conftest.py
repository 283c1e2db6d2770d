"""The drivers: programs that use the published Toxiproxy clients of four languages."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
# Where tools/install-services.sh --all installs the clients; toxiproxy-python is a dependency.
INSTALLED = Path(
    os.environ.get("GAUNTLET_TOXIPROXY_CLIENTS", "/usr/local/lib/gauntlet/toxiproxy-clients")
)
BUILD_TIMEOUT_S = 100.0
STOP_TIMEOUT_S = 10.0


class Language(NamedTuple):
    """The client of a language: what its driver needs, how it starts, what the client cannot do."""

    program: str
    start: Callable[[Path], tuple[list[str], dict[str, str]]]
    missing: frozenset[str] = frozenset()


class ClientError(Exception):
    """What a client reported."""


def _start_python(_: Path) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-P", str(HERE / "driver.py")], {}


def _start_node(_: Path) -> tuple[list[str], dict[str, str]]:
    environment = {"NODE_PATH": str(INSTALLED / "node" / "node_modules"), "NODE_OPTIONS": ""}
    return ["node", str(HERE / "node" / "driver.js")], environment


def _start_go(built: Path) -> tuple[list[str], dict[str, str]]:
    binary = built / "driver"
    if not binary.exists():
        environment = {
            "GOMODCACHE": str(INSTALLED / "go"),
            "GOPROXY": "off",
            "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "0",
        }
        _build(["go", "build", "-o", str(binary), "."], HERE / "go", environment)
    return [str(binary)], {}


def _start_java(built: Path) -> tuple[list[str], dict[str, str]]:
    jars = f"{INSTALLED / 'java'}/*"
    if not (built / "Driver.class").exists():
        _build(["javac", "-cp", jars, "-d", str(built), "Driver.java"], HERE / "java", {})
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    return ["java", *quick, "-cp", f"{built}:{jars}", "Driver"], {}


def _build(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


LANGUAGES = {
    "python": Language(sys.executable, _start_python, frozenset({"change", "update_toxic"})),
    "node": Language("node", _start_node),
    "go": Language("go", _start_go),
    "java": Language("javac", _start_java, frozenset({"populate", "add_unknown_toxic"})),
}


class Driver:
    """A running driver; a call sends one request and returns the answer of the client."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )

    def __call__(self, do: str, **arguments: Any) -> Any:
        """Raises ClientError with what the client reported."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the driver ended"
        answer = json.loads(line)
        if answer.get("error") is not None:
            raise ClientError(answer["error"])
        return answer["ok"]

    def close(self) -> None:
        """End the driver by the end of its input."""
        self._process.communicate(timeout=STOP_TIMEOUT_S)


def able_to(*requests: str) -> pytest.MarkDecorator:
    """Run a test with every client that can do this, instead of with all."""
    able = [name for name, language in LANGUAGES.items() if not language.missing & {*requests}]
    return pytest.mark.parametrize("language", able, indirect=True, scope="package")


@pytest.fixture(scope="package", params=LANGUAGES)
def language(request) -> str:
    """The language of a client."""
    return request.param


@pytest.fixture(scope="package")
def build_folder(tmp_path_factory) -> Callable[[str], Path]:
    """Return the folder of a language in which its driver is built, once for both backends."""
    root = tmp_path_factory.mktemp("drivers")

    def folder(language: str) -> Path:
        found = root / language
        found.mkdir(exist_ok=True)
        return found

    return folder


@pytest.fixture(scope="package")
def driver(language, server, build_folder) -> Iterator[Driver]:
    """The driver of a language, which controls the server."""
    client = LANGUAGES[language]
    installed = language == "python" or (INSTALLED / language).exists()
    if not installed or shutil.which(client.program) is None:
        # Not every machine of CI has a JDK and Maven, so a missing client fails no build.
        pytest.skip(f"the client of {language} is missing: tools/install-services.sh --all")
    command, environment = client.start(build_folder(language))
    driver = Driver([*command, server.api_url], environment)
    yield driver
    driver.close()
