"""What `gauntlet serve` leaves on the machine: nothing, also if it is killed."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gauntlet.cli.operating import serve
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.runner.recovery import journal
from gauntlet.runner.recovery.identity import RUN_ENV
from gauntlet.stacks.reference import StackAddresses

# A server that is killed: nothing but its journal and its temporary folder is left.
KILLED = """
import os, signal
from pathlib import Path
from gauntlet.cli.operating import serve

class Stack:
    def __init__(self, request, on_event):
        (Path(request["data_dir"]) / "store.db").write_text("")
        print(request["data_dir"], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

serve.ReferenceStack = Stack
serve.serve(serve.Options("embedded"))
"""


class Stack:
    """A stack that ends at once, and notes what was there before."""

    seen = None

    def __init__(self, request, on_event):
        Stack.seen = {**request, "mark": serve.os.environ[RUN_ENV]}
        (Stack.seen["journal"],) = journal.paths()
        on_event({"event": "started", "pid": serve.os.getpid()})
        Stack.seen["rows"] = [
            json.loads(line) for line in Stack.seen["journal"].read_text().splitlines()
        ]

    def plan(self):
        return [], []

    def start(self, _advertise):
        return StackAddresses("http://127.0.0.1:1", "token", [])

    running = False

    def stop(self):
        """Do nothing: nothing runs."""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, of a user who has left nothing behind."""
    monkeypatch.setenv(journal.FOLDER_ENV, str(tmp_path / "state"))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(journal.tempfile, "tempdir", None)
    monkeypatch.setattr(serve, "ReferenceStack", Stack)
    return folder


def serve_once(**options):
    """Serve until the stack has ended; return what it saw."""
    with pytest.raises(StackError, match="ended by itself"):
        serve.serve(serve.Options("embedded", **options))
    return Stack.seen


def test_its_folder_and_processes_are_in_the_journal_while_it_runs(temporary):
    """The databases are in the folder itself: PostgreSQL may have to use one beside it."""
    seen = serve_once()
    kinds = {row["kind"]: row for row in seen["rows"]}
    assert kinds["folder"]["path"] == seen["data_dir"]
    assert Path(seen["data_dir"]).parent == temporary
    assert kinds["process"]["pid"] == serve.os.getpid()
    assert seen["mark"] == seen["journal"].stem == kinds["owner"]["run"]
    assert RUN_ENV not in serve.os.environ
    assert list(temporary.iterdir()) == journal.paths() == []


def test_a_folder_of_the_user_is_kept(temporary, tmp_path):
    seen = serve_once(data=tmp_path / "im")
    assert seen["data_dir"] == str((tmp_path / "im").resolve() / "data")
    assert [row["kind"] for row in seen["rows"]] == ["owner", "process"]
    assert [path.name for path in (tmp_path / "im").iterdir()] == ["logs"]
    assert list(temporary.iterdir()) == journal.paths() == []


def test_a_server_that_does_not_start_keeps_the_files_of_the_one_that_runs(
    temporary, tmp_path, monkeypatch
):
    """Its operators would have no token for it any more."""

    def refuse(_stack, _advertise):
        raise StackError("is in use by another cluster")

    monkeypatch.setattr(Stack, "start", refuse)
    files = [tmp_path / name for name in (serve.CONTROL_FILE, serve.CA_FILE)]
    for file in files:
        file.write_text("of the other one")
    with pytest.raises(StackError, match="another cluster"):
        serve.serve(serve.Options("embedded", data=tmp_path))
    assert [file.read_text() for file in files] == ["of the other one"] * 2


def test_the_next_server_removes_the_folder_of_one_that_was_killed(temporary, capsys):
    killed = subprocess.run(
        [sys.executable, "-P", "-c", KILLED], capture_output=True, text=True, check=False
    )
    left = Path(killed.stdout.strip())
    assert (left / "store.db").exists(), killed.stderr
    serve_once()
    assert f"{left} removed" in capsys.readouterr().out
    assert list(temporary.iterdir()) == journal.paths() == []


def test_a_folder_that_postgresql_cannot_reach_is_refused(temporary, tmp_path, monkeypatch):
    """It would keep its data in a temporary folder, which is removed at the end."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with monkeypatch.context() as as_root:
        as_root.setattr(serve.os, "geteuid", lambda: 0)
        with pytest.raises(ConfigError, match="--data must be a folder that other users can reach"):
            serve.serve(serve.Options("full", data=closed / "im"))
    assert list(closed.iterdir()) == []


@pytest.mark.parametrize(
    ("stack", "mode", "euid"), [("full", 0o711, 0), ("embedded", 0o700, 0), ("full", 0o700, 1000)]
)
def test_a_folder_need_not_be_open_to_others_where_postgresql_can_reach_it(
    monkeypatch, stack, mode, euid
):
    """Other users run it themselves, and `embedded` has none."""
    monkeypatch.setattr(serve.os, "geteuid", lambda: euid)
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(mode)
    try:
        serve._check_data(serve.Options(stack, data=folder / "im"))
    finally:
        folder.rmdir()
