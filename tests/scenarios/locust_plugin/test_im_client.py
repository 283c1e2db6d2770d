"""Locust users with tasks, as a user writes and runs them, with the fake peer as their server."""

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
OURS = Path(__file__).with_name("im_locustfile.py")
PAIR = """
version: 1
name: pair
about: Two in a room.
target: {server: {heads_poll_ms: 200}}
load: {workload: {group: {size: 2}}}
"""


def locust(file, host, folder, *arguments, **env):
    """What Locust says and leaves, headless on a peer."""
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


def test_the_locustfile_of_the_docs_runs_and_ends_with_a_verdict(tmp_path, distant_peer):
    """Exit 0: everything sent was judged, and stands in Locust's own table."""
    users = ("-u", "6", "-r", "6", "-t", "3s")
    code, output, run = locust(CHAT, distant_peer.url, tmp_path, *users)
    assert code == 0, output
    result = run.read_result()
    assert result["verdict"]["status"] == "pass"
    counts = result["counts"]
    assert counts["ops"] == counts["acked"] > 10
    assert (counts["missing"], counts["expected"]) == (0, 2 * counts["acked"])
    (caveat,) = result["caveats"]
    assert caveat.startswith("Closed loop: ")
    sends = re.search(r"^SEND +message +(\d+) +0\(", output, re.MULTILINE)
    assert int(sends[1]) == counts["acked"]
    stored = [entry for entries in distant_peer.entries.values() for entry in entries]
    texts = {entry["body"].split("|")[-1] for entry in stored if "body" in entry}
    assert texts == {"How are you?", "Fine, thank you!"}


@pytest.mark.full
def test_what_tasks_send_is_judged(tmp_path, distant_peer):
    """A server that pushes some messages twice and drops others is found out: exit 1."""
    distant_peer.faults.drop_push, distant_peer.faults.repeat_push = 17, 13
    users = ("-u", "6", "-r", "6", "-t", "4s")
    code, output, run = locust(CHAT, distant_peer.url, tmp_path, *users)
    assert code == 1, output
    wrong = [row["id"] for row in run.read_result()["checks"] if row["verdict"] == "invalid"]
    assert wrong == ["wire-order"]


def test_tasks_send_wait_and_are_told_what_went_wrong(tmp_path, distant_peer):
    """In rooms and alone; answers carry what was written; the end of the load ends every wait."""
    (tmp_path / "pair.yaml").write_text(PAIR)
    users = ("-u", "2", "-r", "2", "-t", "3s", "--scenario", "pair.yaml")
    notes = tmp_path / "notes.jsonl"
    code, output, run = locust(OURS, distant_peer.url, tmp_path, *users, IM_NOTES=str(notes))
    assert code == 0, output
    assert run.read_manifest()["scenario"]["load"]["model"] == "closed"
    rows = [json.loads(line) for line in notes.read_text().splitlines()]
    talks = [row for row in rows if "sent" in row]
    assert {row["sent"]["conv"][:2] for row in talks} == {"r.", "d."}
    for row in talks:
        assert row["heard"]["body"] == "polo"
        assert row["heard"]["conv"] == row["sent"]["conv"]
        assert row["heard"]["seq"] > row["sent"]["seq"] > 0
        assert 0 < row["sent"]["latency_ms"] < 2_000
        assert 0 < row["heard"]["latency_ms"] < 2_000
    errors = {row["error"] for row in rows if "error" in row}
    assert any("'nobody' is no other user" in error for error in errors)
    assert any("heard nothing" in error for error in errors)
    assert [row["over"] for row in rows if "over" in row]
    assert run.read_result()["counts"]["ops"] >= 2 * len(talks)
