"""Locustfiles with tasks, run as a user runs them, with the fake peer as their server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlet.core.run_directory import RunDir

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
CHAT = ROOT / "docs" / "howto" / "chat_locustfile.py"
EVERY_CALL = Path(__file__).with_name("im_locustfile.py")
PAIR = """
version: 1
name: pair
about: Two users in a room.
target: {server: {heads_poll_ms: 200}}
load: {workload: {group: {size: 2}}}
"""


def locust(file, host, folder, *arguments, **env):
    """Run Locust headless; return its exit code, its output and its run."""
    child = subprocess.run(
        [*(sys.executable, "-P", "-m", "locust", "-f", str(file), "--headless"),
         *("--only-summary", "--host", host), *arguments],
        cwd=folder,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )  # fmt: skip
    (run,) = (folder / "runs").iterdir()
    return child.returncode, child.stdout, RunDir.open(run)


def test_the_documented_locustfile_passes(tmp_path, distant_peer):
    """Every message was judged, and is counted in Locust's own table.

    The objectives for p99 need at least 100 messages.
    """
    users = ("-u", "30", "-r", "30", "-t", "6s")
    code, output, run = locust(CHAT, distant_peer.url, tmp_path, *users)
    result = run.read_result()
    # A busy machine leaves the latencies unknown.
    assert code == (5 if result["self_audit"]["limits"] else 0), output
    counts = result["counts"]
    assert counts["ops"] == counts["acked"] > 100
    assert (counts["missing"], counts["expected"]) == (0, 2 * counts["acked"])
    caveats = [text for text in result["caveats"] if "objectives are not judged" not in text]
    assert len(caveats) == 1
    assert caveats[0].startswith("The load was a closed loop. ")
    sends = re.search(r"^SEND +message +(\d+) +0\(", output, re.MULTILINE)
    assert int(sends[1]) == counts["acked"]
    stored = [entry for entries in distant_peer.entries.values() for entry in entries]
    texts = {entry["body"].split("|")[-1] for entry in stored if "body" in entry}
    assert texts == {"How are you?", "Fine, thank you!"}


@pytest.mark.full
def test_messages_of_tasks_are_judged(tmp_path, distant_peer):
    """A server that repeats and drops pushes fails the run."""
    distant_peer.faults.drop_push, distant_peer.faults.repeat_push = 17, 13
    users = ("-u", "6", "-r", "6", "-t", "4s")
    code, output, run = locust(CHAT, distant_peer.url, tmp_path, *users)
    assert code == 1, output
    failed = [row["id"] for row in run.read_result()["checks"] if row["verdict"] == "invalid"]
    assert failed == ["wire-order"]


FAILING = """
from locust import constant, task
from gauntlet.locust import IMUser, UnknownRecipient


class Failing(IMUser):
    wait_time = constant(0.2)

    @task
    def send(self):
        self.im.send(to=self.im.peers[0], body="hi")

    @task
    def fail(self):
        raise RuntimeError("a mistake in the script")

    @task
    def err(self):
        self.im.send(to="someone else", body="hi")
"""


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["local", "workers"])
def test_an_exception_of_a_task_fails_the_run_and_is_shown(processes, tmp_path, distant_peer):
    """Errors of the system, such as an unknown recipient, are none of the script."""
    (tmp_path / "failing.py").write_text(FAILING)
    users = ("-u", "6", "-r", "6", "-t", "4s", *processes)
    code, output, run = locust(tmp_path / "failing.py", distant_peer.url, tmp_path, *users)
    assert code == 1, output
    result = run.read_result()
    assert result["counts"]["acked"] > 5
    (reason,) = (one for one in result["verdict"]["reasons"] if one.startswith("task-errors: "))
    (error,) = (one for one in result["errors"] if one["concerns"] == "task")
    assert error["text"] == "RuntimeError: a mistake in the script (failing.py:15)"
    assert error["count"] > 3
    assert f"raised {error['count']:,} exceptions" in reason


def test_tasks_send_receive_and_get_typed_errors(tmp_path, distant_peer):
    """In rooms and in direct conversations; the end of the load ends every wait."""
    (tmp_path / "pair.yaml").write_text(PAIR)
    users = ("-u", "2", "-r", "2", "-t", "3s", "--scenario", "pair.yaml")
    notes = tmp_path / "notes.jsonl"
    code, output, run = locust(EVERY_CALL, distant_peer.url, tmp_path, *users, IM_NOTES=str(notes))
    assert code == 0, output
    assert run.read_manifest()["scenario"]["load"]["model"] == "closed"
    rows = [json.loads(line) for line in notes.read_text().splitlines()]
    answered = [row for row in rows if "sent" in row]
    assert {row["sent"]["conv"][:2] for row in answered} == {"r.", "d."}
    for row in answered:
        assert row["received"]["body"] == "polo"
        assert row["received"]["conv"] == row["sent"]["conv"]
        assert row["received"]["seq"] > row["sent"]["seq"] > 0
        assert 0 < row["sent"]["latency_ms"] < 2_000
        assert 0 < row["received"]["latency_ms"] < 2_000
    errors = {row["error"] for row in rows if "error" in row}
    assert any("'nobody' is neither another user" in error for error in errors)
    assert any("received no matching message" in error for error in errors)
    assert [row["finished"] for row in rows if "finished" in row]
    assert run.read_result()["counts"]["ops"] >= 2 * len(answered)
