"""Shared fixtures: installed services, running clusters, and a check for left-over processes."""

import contextlib
import ctypes
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest

from gauntlet.builds import SERVER
from gauntlet.stacks import centrifugo, ejabberd, mosquitto, nats, prosody, socketio, synapse

from .services import missing

ROOT = Path(__file__).resolve().parent.parent
# In the environment of every process that a test starts, directly or indirectly.
MARK, MARK_VALUE = "GAUNTLET_TEST_SESSION", uuid.uuid4().hex
SERVICES = {"embedded": ("redis",), "full": ("redis", "rabbitmq", "postgres")}
# The servers of other projects, by the names of their stacks.
PROGRAMS = {
    "prosody": prosody.PROGRAM,
    "mosquitto": mosquitto.PROGRAM,
    "nats": nats.PROGRAM,
    "ejabberd": ejabberd.PROGRAM,
    "centrifugo": centrifugo.PROGRAM,
    "socketio": socketio.PROGRAM,
    "synapse": synapse.PROGRAM,
}
# The browser is not part of a stack, so tools/install-services.sh does not install it.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PROMETHEUS = ("prometheus", "promtool")  # of one package
REMEDIES = {
    "chromium": "apt-get install chromium",
    **dict.fromkeys(PROMETHEUS, "tools/install-services.sh --all installs it"),
    **{name: program.remedy for name, program in PROGRAMS.items()},
}
PR_SET_CHILD_SUBREAPER = 36
BOOT_TIMEOUT_S = 70.0
STOP_TIMEOUT_S = 30.0

# The duration of an example depends on the machine, which may stall, so it is not checked.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# `make check` tries few examples, so that it is fast; all other runs try the default of 100.
hypothesis.settings.register_profile(
    "fast", parent=hypothesis.settings.get_profile("untimed"), max_examples=15
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "untimed"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that replaces what a compiled module does not let it replace."""
    if item.get_closest_marker("sources") and SERVER.current().kind == "compiled":
        pytest.skip("the server is compiled, and this test needs its sources")


class ClusterFailed(Exception):
    """The cluster did not start; `content` is its `failed` line, or the end of its log."""

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__(json.dumps(content, indent=2))
        self.content = content


class Cluster:
    """A reference server, started and controlled as the harness does it."""

    def __init__(self, folder: Path, stack: str, **request: Any) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        self.events: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stderr = (self.logs / "cluster.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gauntlet.reference_server.cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        folders = {"data_dir": str(folder / "data"), "log_dir": str(self.logs)}
        self.send({"stack": stack, **folders, **request})

    def boot(self, advertise: dict[str, str] | None = None) -> "Cluster":
        """Wait for the plan and all components; ClusterFailed names one that did not start."""
        self.plan = self.expect("plan")
        self.send({"advertise": advertise or {}})
        ready = self.expect("ready")
        self.control, self.token, self.api = ready["control"], ready["token"], ready["api"]
        self.ca, self.builds = ready["ca"], ready["builds"]
        return self

    def send(self, message: dict[str, Any]) -> None:
        """Send one line to the cluster's standard input."""
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def expect(self, kind: str) -> dict[str, Any]:
        """Return the content of the next line that is not an event; ClusterFailed."""
        line = self._lines.get(timeout=BOOT_TIMEOUT_S)
        if line is None:
            raise ClusterFailed({"reason": (self.logs / "cluster.log").read_text()[-2000:]})
        if "failed" in line:
            raise ClusterFailed(line["failed"])
        return line[kind]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control API and return its answer; urllib.error.HTTPError if it fails."""
        request = urllib.request.Request(
            self.control + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def act(self, name: str, verb: str) -> int:
        """Perform `kill`, `start`, `pause` or `resume` on a component, and return its pid."""
        return self.call("POST", f"/components/{name}/{verb}", {})["pid"]

    def components(self) -> dict[str, dict[str, Any]]:
        """Return the rows of all components by name."""
        rows = self.call("GET", "/components")["components"]
        return {row["name"]: row for row in rows}

    def log(self, name: str) -> str:
        """Return what a component has logged so far."""
        return (self.logs / f"{name}.log").read_text(errors="replace")

    def close(self) -> int:
        """Close the cluster's standard input, wait for its end, and return its exit code."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(30)
            self.process.stdout.close()
            self._stderr.close()
        return code

    def _read(self) -> None:
        for line in self.process.stdout:
            message = json.loads(line)
            if "event" in message:
                self.events.append(message["event"])
            else:
                self._lines.put(message)
        self._lines.put(None)


@pytest.fixture(scope="session")
def tracked_files() -> list[str]:
    """Return the paths of the files that git tracks; skip the test outside of a git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def copy_source_tree(tracked_files) -> Callable[[Path], None]:
    """`copy_source_tree(folder)` copies the tracked files to a folder."""

    def copy(folder: Path) -> None:
        for name in tracked_files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)

    return copy


@pytest.fixture(scope="session")
def build_wheel(copy_source_tree) -> Callable[[Path], Path]:
    """`build_wheel(folder)` builds the wheel in a folder and returns its path."""

    def build(folder: Path) -> Path:
        copy_source_tree(folder / "source")
        code = "from setuptools import build_meta as b; b.build_wheel('..')"
        subprocess.run(
            [sys.executable, "-P", "-c", code],
            cwd=folder / "source",
            check=True,
            capture_output=True,
        )
        (wheel,) = folder.glob("*.whl")
        return wheel

    return build


@pytest.fixture(scope="session")
def require_service() -> Callable[[str], dict[str, str]]:
    """`require_service("rabbitmq")` returns its path and version, or skips the test.

    With GAUNTLET_REQUIRE_SERVICES=1 a missing service fails the test, unless
    GAUNTLET_OPTIONAL_SERVICES names it.
    """
    probe = [sys.executable, "-P", "-m", "gauntlet.reference_server.cluster", "--probe"]
    found: dict[str, Any] = {}

    def require(name: str) -> dict[str, str]:
        if not found:
            found.update(json.loads(subprocess.check_output(probe, timeout=60)))
            for stack, program in PROGRAMS.items():
                path = program.find()
                found[stack] = None if path is None else {"path": path, "version": ""}
            paths = {program: shutil.which(program) for program in PROMETHEUS}
            paths["chromium"] = next(filter(None, map(shutil.which, CHROMIUM)), None)
            for service, path in paths.items():
                found[service] = None if path is None else {"path": path, "version": ""}
        if found[name] is None:
            remedy = REMEDIES.get(name, "tools/install-services.sh installs it")
            reason = f"{name} is not installed; {remedy}"
            missing(name, reason)
        return found[name]

    return require


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, require_service) -> Iterator[Callable[..., Cluster]]:
    """`cluster("embedded", config={...})` boots a cluster, which runs until the module ends."""
    running: list[Cluster] = []

    def start(stack: str, *, advertise: dict[str, str] | None = None, **request: Any) -> Cluster:
        for service in SERVICES[stack]:
            require_service(service)
        started = Cluster(tmp_path_factory.mktemp("cluster"), stack, **request)
        running.append(started)
        return started.boot(advertise)

    yield start
    for started in running:
        started.close()


@pytest.fixture(scope="session", autouse=True)
def _own_recovery_journals(tmp_path_factory) -> None:
    """Keep what the runs of tests leave behind apart from what the user's runs do."""
    folder = tmp_path_factory.mktemp("state")
    folder.chmod(0o700)
    os.environ["GAUNTLET_STATE_DIR"] = str(folder)


@pytest.fixture(scope="session", autouse=True)
def _children_receive_sigint() -> None:
    """Let children receive SIGINT although a shell starts background jobs with SIGINT ignored.

    Children inherit an ignored signal, but not a handler. So install one that does nothing.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Fail the session if a process that a test started is still running at its end."""
    os.environ[MARK] = MARK_VALUE
    if sys.platform == "linux":
        # Orphans become children of this process. Some of them overwrite their environment (Redis),
        # and would not be found otherwise.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    yield
    deadline = time.monotonic() + 60
    while (left := marked_processes()) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    if left:
        pytest.fail(f"processes were left running: {left}")


def marked_processes() -> list[psutil.Process]:
    """Return all running processes that descend from this session, except this one."""
    found = set(psutil.Process().children(recursive=True))
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == MARK_VALUE:
                found.add(process)
    return [process for process in found if _is_running(process)]


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session", name="marked_processes")
def _marked_processes() -> Callable[[], list[psutil.Process]]:
    """`marked_processes()` returns all running processes that descend from this session."""
    return marked_processes
