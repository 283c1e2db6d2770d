"""What the end of the reference stack removes if its cluster process was killed."""

import sys

import pytest

from gauntlet.stacks import subprocesses
from gauntlet.stacks.reference import ReferenceStack

from ...dead_postgres import dead_postgres


@pytest.mark.parametrize("folder", ["cluster", "disk"])
def test_the_shared_memory_of_databases_is_removed_before_their_folders_are(
    tmp_path, monkeypatch, folder
):
    """Afterwards nothing would lead to it."""
    wait = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
    monkeypatch.setattr(subprocesses, "python", lambda *_: wait)
    request = {"data_dir": str(tmp_path / "cluster"), "log_dir": str(tmp_path)}
    stack = ReferenceStack(request, lambda _event: None)
    monkeypatch.setattr(stack, "_expect", lambda _key: {"control": "", "token": "", "api": []})
    with dead_postgres(monkeypatch, tmp_path / "files") as left:
        try:
            stack.start({}, {"users-db": str(tmp_path / "disk")})
            stack._child.kill()
            left.note(tmp_path / folder / "users-db" / "data")
        finally:
            stack.stop()
        assert not left.exists
