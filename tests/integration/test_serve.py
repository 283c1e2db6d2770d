"""`gauntlet serve`: the reference server alone, and the commands that act on it."""

import contextlib
import re
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
import requests

from gauntlet.core.errors import Exit
from gauntlet.stacks import subprocesses

pytestmark = pytest.mark.integration

# As few edges as possible, because they start slowly: one can be removed only if there are two.
LAYOUT = """
processes:
  all: {services: [gateway, message, room, sessions, friend, sticker]}
edges: 1
spare: 1
"""


def gauntlet(folder, *arguments):
    """Run a command to its end; return its exit code and its output."""
    done = subprocess.run(
        subprocesses.python("gauntlet", *arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def serving(folder, *arguments):
    """Run `gauntlet serve`; yield the process and its output until it is ready."""
    child = subprocess.Popen(
        subprocesses.python("gauntlet", "serve", *arguments),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with child:
        lines = []
        for line in child.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        try:
            yield child, "".join(lines)
        finally:
            child.send_signal(signal.SIGINT)


def test_serve_obeys_the_operators_commands_and_leaves_nothing_after_ctrl_c(
    tmp_path, require_service
):
    """Clients get an address, and operators a private file; then edges are added and replaced."""
    require_service("redis")
    (tmp_path / "lean.yaml").write_text(LAYOUT)
    with serving(tmp_path, "--layout", "lean.yaml") as (child, text):
        (api,) = re.findall(r"^api +(http://\S+)", text, re.MULTILINE)
        login = {"user": "ann", "device": "phone"}
        answer = requests.post(f"{api}/v1/sessions", json=login, timeout=5)
        assert answer.json()["connect"]["environment"] == "blue"
        (control,) = re.findall(r"^control .* (/\S+)$", text, re.MULTILINE)
        assert Path(control).stat().st_mode & 0o777 == 0o600
        for arguments, expected_code, expected_text in [
            (["scale", "--out"], Exit.OK, "edge-blue-2 accepts clients"),
            (["scale", "--out"], Exit.CONFIG, "no spare edge of blue is left"),
            (["scale", "--in", "edge-blue-1"], Exit.OK, "edge-blue-1 has stopped"),
            (["rolling"], Exit.OK, "rolling update: done"),
            (["cutover", "--to", "green", "--drain", "1s"], Exit.OK, "s  done"),
            (["cutover", "--to", "green"], Exit.CONFIG, "green is in use already"),
            (
                ["cutover", "--rollback"],
                Exit.CONFIG,
                "a rollback is not possible in the state done",
            ),
            (["cutover", "--status"], Exit.OK, "new clients connect to green"),
        ]:
            code, output = gauntlet(tmp_path, *arguments, "--control", control)
            assert (code, expected_text in output) == (expected_code, True), output
        descendants = psutil.Process(child.pid).children(recursive=True)
        assert len(descendants) >= 5
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == Exit.OK
    _, alive = psutil.wait_procs(descendants, timeout=60)
    assert alive == []
    assert [file.name for file in tmp_path.iterdir()] == ["lean.yaml"]
    assert not Path(control).exists()


def test_serve_with_tls_prints_the_ca_beside_the_control_file(tmp_path, require_service):
    """Clients need it; after the end it would be worthless, so it is removed."""
    require_service("redis")
    (tmp_path / "lean.yaml").write_text(LAYOUT)
    with serving(tmp_path, "--layout", "lean.yaml", "--data", "im", "--tls") as (child, text):
        (api,) = re.findall(r"^api +(https://\S+)", text, re.MULTILINE)
        (ca,) = re.findall(r"^ca +(/\S+)", text, re.MULTILINE)
        (control,) = re.findall(r"^control .* (/\S+)$", text, re.MULTILINE)
        assert Path(ca) == Path(control).with_name("ca.pem") == (tmp_path / "im/ca.pem").resolve()
        login = {"user": "ann", "device": "phone"}
        answer = requests.post(f"{api}/v1/sessions", json=login, timeout=5, verify=ca)
        assert answer.json()["connect"]["url"].startswith("wss://")
        assert re.search(rf"^  all-1 +{api.removeprefix('https://')}$", text, re.MULTILINE)
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{api}/healthz", timeout=5)
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == Exit.OK
    assert not Path(ca).exists()
    assert {oct(key.stat().st_mode & 0o777) for key in tmp_path.rglob("*-key.pem")} == {"0o600"}


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ("processes: {all: {services: [gateway], count: 0}}", "layout.processes.all"),
        ("processes: {all: {services: [gateway]}}", "no role hosts message"),
        ("processes: [", "lean.yaml"),
        ("- 1", "got list"),
    ],
)
def test_an_invalid_layout_is_refused_with_file_and_key(tmp_path, layout, reason):
    (tmp_path / "lean.yaml").write_text(layout)
    code, output = gauntlet(tmp_path, "serve", "--layout", "lean.yaml")
    assert code == Exit.CONFIG
    assert reason in output
    assert "lean.yaml" in output


def test_an_unknown_layout_is_refused_with_the_known_names(tmp_path):
    code, output = gauntlet(tmp_path, "serve", "--layout", "wide")
    assert (code, "default, single, split" in output) == (Exit.CONFIG, True)


TWICE = """
version: 1
name: twice
about: Two loads, one after the other, on the same running server.
seed: 3
target: {{adapter: reference, stack: external, url: ["{api}"]}}
load:
  workload: {{direct: 1, group: {{weight: 1, size: 3}}}}
  users: 6
  rate: 20/s
  ramp: 1s
  steady: 3s
"""


def test_a_running_server_can_be_loaded_repeatedly(tmp_path, require_service):
    """The messages of the second run are stored, not taken for duplicates of the first run."""
    require_service("redis")
    (tmp_path / "lean.yaml").write_text(LAYOUT)
    with serving(tmp_path, "--layout", "lean.yaml") as (_, text):
        (api,) = re.findall(r"^api +(http://\S+)", text, re.MULTILINE)
        (tmp_path / "twice.yaml").write_text(TWICE.format(api=api))
        for _ in range(2):
            code, output = gauntlet(tmp_path, "run", "twice.yaml", "--plain")
            assert code == Exit.OK, output
            checks = dict(re.findall(r"^ (\S+) +\S (valid|unknown|invalid)", output, re.MULTILINE))
            assert checks["wire-order"] == checks["undelivered"] == "valid", output
