"""What dead runs left behind is undone, and what is not theirs is not touched."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from gauntlet.chaos.clients.running_toxiproxy import prefix_of
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.disks import Disks
from gauntlet.chaos.proxy_process import ProxyServer
from gauntlet.runner.recovery import journal, recover
from gauntlet.runner.recovery.identity import identify
from gauntlet.runner.recovery.journal import RecoveryJournal
from gauntlet.runner.recovery.recover import recover_all

from ....dead_postgres import LIST, dead_postgres

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); "
    "time.sleep(300)"
)


@pytest.fixture
def child():
    """A process that ignores SIGTERM, and is killed at the end of the test."""
    command = [sys.executable, "-S", "-c", STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"1\n"
        yield process
        process.kill()


def process_row(process, started=None):
    """The row of a process, or of an earlier one with the same id."""
    found = identify(process.pid)
    return {"kind": "process", "pid": found.pid, "started": started or found.started}


def command_row(heal, **more):
    """The row of a fault of the kind `command` that was requested."""
    row = {"kind": "fault", "id": "f", "step": "requested", "path": "/run", "timeout_s": 20.0}
    return {**row, "heal": heal, "verify": None, **more}


def texts(outcomes, *, done=True):
    """The sentences of what was done, or of what was not."""
    return [outcome.text for outcome in outcomes if outcome.done is done]


def test_a_stopped_process_is_continued_and_ended(left_by, child, monkeypatch):
    monkeypatch.setattr(recover, "_TERM_S", 0.3)
    os.kill(child.pid, signal.SIGSTOP)
    path = left_by(process_row(child))
    assert texts(recover_all(allow_exec=False)) == [
        "1 stopped processes continued",
        "1 processes ended",
    ]
    assert child.wait(30) == -signal.SIGKILL
    assert not path.exists()


def test_a_process_that_only_has_the_id_of_a_dead_one_is_not_touched(left_by, child):
    path = left_by(process_row(child, started="earlier"))
    assert recover_all(allow_exec=False) == []
    assert psutil.Process(child.pid).is_running()
    assert child.poll() is None
    assert not path.exists()


def test_temporary_folders_are_removed_with_those_of_databases(left_by, tmp_path):
    """As root, PostgreSQL has a folder of another user, beside that of its cluster."""
    mine, database = tmp_path / "gauntlet-00112233aabbccdd", "gauntlet-00112233aabbccdd-users-db-x"
    for name in (mine.name, database, "gauntlet-00112233aabbccde"):
        (tmp_path / name / "data").mkdir(parents=True)
    left_by({"kind": "folder", "path": str(mine)})
    assert len(texts(recover_all(allow_exec=False))) == 2
    assert sorted(path.name for path in tmp_path.glob("gauntlet-*")) == [
        "gauntlet-00112233aabbccde"
    ]


@pytest.mark.parametrize(
    "data",
    [
        "gauntlet-00112233aabbccdd/users-db/data",
        "gauntlet-00112233aabbccdd-users-db-x/data",
        "gauntlet-00112233aabbccdd-disks/users-db.files/users-db/data",
    ],
)
def test_shared_memory_of_killed_databases_is_removed_with_their_folders(
    left_by, tmp_path, monkeypatch, data
):
    left_by({"kind": "folder", "path": str(tmp_path / "gauntlet-00112233aabbccdd")})
    with dead_postgres(monkeypatch, tmp_path / "files") as left:
        left.write_files()
        left.note(tmp_path / data)
        names = f"PostgreSQL.{LIST}, System V segment {left.segment}"
        done = texts(recover_all(allow_exec=False))
        assert f"shared memory of PostgreSQL removed: {names}" in done
        assert not left.exists
    assert not (tmp_path / data).exists()


@pytest.mark.integration
def test_a_disk_whose_process_was_killed_is_unmounted_and_removed(left_by, tmp_path):
    if reason := mounting.unavailable():
        pytest.skip(reason)
    mine = tmp_path / "gauntlet-00112233aabbccdd"
    mounted = Disks(tmp_path / "log")
    mounted.mount(["message-1"], mine)
    (pid,) = mounted.pids
    os.kill(pid, signal.SIGKILL)
    left_by({"kind": "folder", "path": str(mine)})
    disks = tmp_path / f"{mine.name}-disks"
    assert mounting.mounted_below(tmp_path) == [str(disks / "message-1")]
    try:
        done = texts(recover_all(allow_exec=False))
        assert done == [f"{disks / 'message-1'} unmounted", f"{disks} removed"]
        assert mounting.mounted_below(tmp_path) == []
    finally:
        mounted.stop()


def test_a_folder_that_is_not_temporary_is_never_removed(left_by, tmp_path):
    """A journal may be damaged in a way that nothing shows."""
    precious = tmp_path / "precious"
    precious.mkdir()
    path = left_by({"kind": "folder", "path": str(precious)})
    assert "no temporary folder of ours" in texts(recover_all(allow_exec=False), done=False)[0]
    assert precious.is_dir()
    assert path.exists()


def test_a_link_is_not_followed(left_by, tmp_path):
    precious, link = tmp_path / "precious", tmp_path / "gauntlet-00112233aabbccdd"
    precious.mkdir()
    link.symlink_to(precious)
    left_by({"kind": "folder", "path": str(link)})
    recover_all(allow_exec=False)
    assert precious.is_dir()


def test_toxics_of_the_run_are_removed_from_a_foreign_toxiproxy(left_by, tmp_path):
    server = ProxyServer.start("embedded", log=tmp_path / "proxy.log")
    try:
        client = ProxyClient(server.api_url)
        client.create("db", "127.0.0.1:1")
        for name in ("theirs", f"{prefix_of('dead')}slow-downstream"):
            client.add_toxic("db", "latency", attributes={"latency": 5}, name=name)
        left_by({"kind": "toxiproxy", "api": server.api_url, "prefix": prefix_of("dead")})
        assert texts(recover_all(allow_exec=False)) == [f"1 toxics of {server.api_url} removed"]
        assert [toxic.name for toxic in client.toxics("db")] == ["theirs"]
    finally:
        server.stop()


def test_a_toxiproxy_that_does_not_answer_is_tried_again_next_time(left_by):
    path = left_by({"kind": "toxiproxy", "api": "http://127.0.0.1:1", "prefix": "gauntlet-dead-"})
    assert "could not be removed" in texts(recover_all(allow_exec=False), done=False)[0]
    assert path.exists()


def test_a_heal_command_is_only_printed_unless_it_is_allowed(left_by, tmp_path):
    path = left_by(command_row(["touch", str(tmp_path / "healed")]))
    (text,) = texts(recover_all(allow_exec=False), done=False)
    assert text.endswith(f"--allow-exec to heal it by: touch {tmp_path / 'healed'}")
    assert not (tmp_path / "healed").exists()
    assert len(texts(recover_all(allow_exec=True))) == 1
    assert (tmp_path / "healed").exists()
    assert not path.exists()


@pytest.mark.parametrize(("heal", "verify"), [("false", "true"), ("true", "false")])
def test_a_heal_that_fails_or_is_not_verified_stays_open(left_by, heal, verify):
    path = left_by(command_row([heal], verify=[verify]))
    assert "exit code 1" in texts(recover_all(allow_exec=True), done=False)[0]
    assert path.exists()


def test_what_cannot_be_undone_can_be_discarded(left_by):
    path = left_by(command_row(["false"]))
    assert texts(recover_all(allow_exec=False, discard=True))[0].endswith("(discarded)")
    assert not path.exists()


def test_a_healed_fault_needs_no_command(left_by):
    left_by(command_row(["false"]), {"kind": "fault", "id": "f", "step": "healed"})
    assert recover_all(allow_exec=True) == []


def test_damage_is_reported_once(left_by, folder):
    left_by(text="damaged\n")
    assert (
        "1 lines of its journal are damaged" in texts(recover_all(allow_exec=False), done=False)[0]
    )
    assert recover_all(allow_exec=False) == []
    assert [path.name for path in folder.iterdir()] == ["dead.damaged"]


def test_a_journal_of_another_version_is_reported_and_kept(left_by):
    path = left_by(version=2)
    assert "version 2" in texts(recover_all(allow_exec=True), done=False)[0]
    assert path.exists()


def test_a_run_that_goes_on_is_not_recovered_from(tmp_path, monkeypatch):
    monkeypatch.setattr(journal.tempfile, "gettempdir", lambda: str(tmp_path))
    own = RecoveryJournal("mine", tmp_path)
    temporary = own.create_temporary_folder()
    assert recover_all(allow_exec=True) == []
    assert temporary.is_dir()
    temporary.rmdir()
    own.close()


def test_a_command_that_is_damaged_is_one_line_and_can_be_discarded(left_by):
    path = left_by({"kind": "fault", "id": "a", "step": "requested", "heal": ["true"]})
    (outcome,) = recover_all(allow_exec=True, discard=True)
    assert "1 lines of its journal are damaged" in outcome.text
    assert not path.exists()


def test_a_control_group_is_removed(left_by, tmp_path):
    group = tmp_path / f"gauntlet-{'0' * 16}"
    group.mkdir()
    path = left_by({"kind": "control-group", "path": str(group)})
    assert texts(recover_all(allow_exec=False)) == [f"control group {group} removed"]
    assert not group.exists()
    assert not path.exists()


def test_a_control_group_that_is_in_use_is_tried_again_next_time(left_by, tmp_path, monkeypatch):
    monkeypatch.setattr(recover, "_KILL_S", 0.0)
    group = tmp_path / f"gauntlet-{'0' * 16}"
    (group / "inside").mkdir(parents=True)
    path = left_by({"kind": "control-group", "path": str(group)})
    assert "could not be removed" in texts(recover_all(allow_exec=False), done=False)[0]
    assert path.exists()


def test_another_folder_is_not_removed_as_a_control_group(left_by, tmp_path):
    left_by({"kind": "control-group", "path": str(tmp_path)})
    assert "no control group of ours" in texts(recover_all(allow_exec=False), done=False)[0]
    assert tmp_path.is_dir()


def test_a_heal_command_runs_in_the_folder_in_which_the_run_was_started(left_by, tmp_path):
    """`recover` may be started anywhere, and commands name files relative to the run's folder."""
    left_by(command_row(["touch", "healed"], folder=str(tmp_path)))
    assert texts(recover_all(allow_exec=True)) == ["fault f healed by: touch healed"]
    assert (tmp_path / "healed").exists()


def test_a_folder_that_is_gone_is_a_reason_not_to_be_healed(left_by, tmp_path):
    left_by(command_row(["touch", "healed"], folder=str(tmp_path / "gone")))
    assert "No such file or directory" in texts(recover_all(allow_exec=True), done=False)[0]


def test_the_journal_of_another_host_is_named_and_not_recovered_from(left_by, tmp_path):
    """With a shared home folder; only that host knows whether its run still lives."""
    row = command_row(["touch", str(tmp_path / "healed")])
    path = left_by(row, host="elsewhere.example")
    (outcome,) = recover_all(allow_exec=True)
    assert outcome.done, "a run of this host must not be refused for it"
    assert outcome.text == "was started on the host elsewhere.example; recover from it there"
    assert path.exists()
    assert not (tmp_path / "healed").exists()
    (outcome,) = recover_all(allow_exec=True, discard=True)
    assert outcome.text == "was started on the host elsewhere.example (discarded)"
    assert not path.exists()


def test_the_journal_of_this_host_is_recovered_from(left_by, tmp_path):
    path = left_by(command_row(["true"]), host=journal.host_name())
    assert texts(recover_all(allow_exec=True)) == ["fault f healed by: true"]
    assert not path.exists()


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 0, -1, "x"])
def test_a_time_limit_that_no_command_can_have_is_damage(left_by, timeout):
    """With NaN, a command that hangs would never be ended."""
    left_by(command_row(["true"], timeout_s=timeout))
    (outcome,) = recover_all(allow_exec=True)
    assert not outcome.done
    assert "1 lines of its journal are damaged" in outcome.text


def test_a_journal_that_cannot_be_opened_is_reported_and_the_others_are_used(left_by, folder):
    """For example one that root has written."""
    (folder / "a-folder.jsonl").mkdir()
    left_by(command_row(["true"]))
    outcomes = recover_all(allow_exec=True)
    assert texts(outcomes) == ["fault f healed by: true"]
    assert texts(outcomes, done=False) == [
        f"its journal {folder / 'a-folder.jsonl'} cannot be used: Is a directory"
    ]
