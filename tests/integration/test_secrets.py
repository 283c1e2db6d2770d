"""Secrets reach the adapter of every load process, and no file, log or terminal output."""

import json
import os
import stat
import subprocess

import pytest

from gauntlet.core.errors import Exit
from gauntlet.stacks import subprocesses

from .running_stack import run_stack

pytestmark = pytest.mark.integration

SECRETS = {
    "literal": "planted-literal-1f0a",
    "env": "planted-env-77c2",
    "file": "planted-file-09be",
    "command": "planted-command-5d3c",
    "column": "planted-column-c41d",
    "query": "planted-query-30aa",
    "userinfo": "planted-userinfo-b1e7",
}
# The adapter works only if every worker has all values.
ADAPTER = f"""
import logging
from gauntlet.scenarios.adapters.reference import Reference

SETTINGS = {SECRETS!r}

class Guarded(Reference):
    def __init__(self, settings):
        for key in ("password", "env", "file", "command"):
            expected = SETTINGS["literal" if key == "password" else key]
            assert settings[key] == expected, key
        logging.getLogger("acme").warning("connected with %s", settings["env"])
        super().__init__({{}})
"""
SCENARIO = """
version: 1
name: planted
about: Secrets of every kind.
target:
  adapter: guarded:Guarded
  stack: external
  url: ["{url}"]
  server:
    password: {literal}
    env: {{env: PLANTED}}
    file: {{file: secret.txt}}
    command: {{command: ["{program}"]}}
accounts: {{file: users.csv, columns: {{password: pass}}}}
load: {{users: 4, rate: 8/s, ramp: 1s, steady: 3s}}
"""


def write_files(folder, url):
    """Write a scenario with all secrets, and the adapter that requires them."""
    (folder / "guarded.py").write_text(ADAPTER)
    (folder / "secret.txt").write_text(f"{SECRETS['file']}\n")
    rows = [f"user-{n},{SECRETS['column']}" for n in range(4)]
    (folder / "users.csv").write_text("\n".join(["name,pass", *rows]) + "\n")
    program = folder / "print-secret"
    program.write_text(f"#!/bin/sh\necho {SECRETS['command']}\n")
    program.chmod(0o700)
    text = SCENARIO.format(url=url, literal=SECRETS["literal"], program=program)
    (folder / "planted.yaml").write_text(text)


def run(folder, *arguments):
    """Run the scenario; return the exit code and the output."""
    environment = {**os.environ, "PLANTED": SECRETS["env"], "PYTHONPATH": str(folder)}
    done = subprocess.run(
        subprocesses.python("gauntlet", "run", "planted.yaml", "--plain", *arguments),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def leaks(folder, output):
    """Return which secrets are in which files of the run directory, or in the output."""
    texts = {"output": output.encode()}
    texts |= {
        str(file.relative_to(folder)): file.read_bytes()
        for file in (folder / "runs").rglob("*")
        if file.is_file()
    }
    assert any("report.html" in name for name in texts), output
    return [
        (kind, name)
        for kind, secret in SECRETS.items()
        for name, content in texts.items()
        if secret.encode() in content
    ]


def others_may_read(folder):
    """Return the files and folders of the run directory that other users could read."""
    (directory,) = (folder / "runs").iterdir()
    return [
        str(path)
        for path in [directory, *directory.rglob("*")]
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.ci)])
def test_no_secret_is_in_any_artefact_of_a_run_that_uses_them_all(
    workers, tmp_path, require_service
):
    require_service("redis")
    booted = tmp_path / "server"
    booted.mkdir()
    with run_stack("embedded", booted, ()) as stack:
        write_files(tmp_path, stack.api[0])
        code, output = run(tmp_path, "--allow-exec", "--workers", workers)
    assert code == Exit.OK, output
    assert leaks(tmp_path, output) == []
    assert others_may_read(tmp_path) == []
    (directory,) = (tmp_path / "runs").iterdir()
    server = json.loads((directory / "manifest.json").read_text())["scenario"]["target"]["server"]
    assert (server["password"], server["env"]) == ("***", {"env": "PLANTED"})
    assert "connected with ***" in (directory / "logs" / "locust.log").read_text()


def test_a_target_that_cannot_be_reached_is_reported_without_its_credentials(tmp_path):
    write_files(tmp_path, f"http://u:{SECRETS['userinfo']}@127.0.0.1:9/?k={SECRETS['query']}")
    code, output = run(tmp_path, "--allow-exec")
    assert code == Exit.HARNESS, output
    assert "http://***@127.0.0.1:9/?k=***" in output
    assert leaks(tmp_path, output) == []


def test_commands_run_only_if_allowed_and_dry_runs_show_references(tmp_path):
    write_files(tmp_path, "http://127.0.0.1:9")
    code, output = run(tmp_path)
    assert (code, "--allow-exec" in output) == (Exit.CONFIG, True)
    code, output = run(tmp_path, "--dry-run")
    assert code == Exit.OK
    assert [kind for kind, secret in SECRETS.items() if secret in output] == []
    assert not (tmp_path / "runs").exists()
