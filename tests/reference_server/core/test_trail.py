"""The trail of a process: bounded, complete or not there, and off unless a folder is configured."""

import json

import pytest

from gauntlet.reference_server.core import trail as trails
from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.trail import Positions, Trail
from gauntlet.reference_server.core.wire import Entry


def make_config(trail_dir=""):
    """Return the configuration of a message service."""
    common = {"port": 1, "secret": "hidden", "internal_token": "hidden"}
    return Config(name="message-1", services=("message",), trail_dir=str(trail_dir), **common)


def entry(seq, client_msg_id="g.1"):
    """Return a message of Ann to Bob."""
    return Entry("d.ann.bob", seq, "msg", 0, "m", client_msg_id, "ann", "private text")


@pytest.mark.parametrize(
    ("seqs", "intervals"),
    [
        ([1, 2, 3], [[1, 3]]),
        ([1, 3, 2], [[1, 3]]),
        ([5, 1, 2, 5, 2], [[1, 2], [5, 5]]),
        ([2, 1], [[1, 2]]),
    ],
)
def test_positions_are_kept_as_intervals_in_any_order(seqs, intervals):
    positions = Positions()
    for seq in seqs:
        positions.add(("d.ann.bob",), seq)
    assert list(positions.rows()) == [(("d.ann.bob",), intervals)]
    assert not positions.is_full


def test_positions_beyond_the_limit_are_forgotten_and_that_is_stated():
    positions = Positions(intervals_max=2)
    for seq in (1, 2, 5, 6, 9):
        positions.add(("a",), seq)
    positions.add(("b",), 1)
    assert list(positions.rows()) == [(("a",), [[1, 2], [5, 6]])]
    assert positions.is_full


def test_a_send_is_remembered_as_accepted_until_its_commit_or_refusal():
    trail = Trail(make_config())
    for number in ("g.1", "g.2", "g.3"):
        trail.accept("d.ann.bob", "ann", number)
    trail.commit(entry(1, "g.1"))
    trail.refuse("d.ann.bob", "ann", "g.2")
    rows = [row for row in trail.rows() if row["row"] in ("accepted", "committed")]
    assert rows == [
        {"row": "accepted", "conv": "d.ann.bob", "sender": "ann", "id": "g.3"},
        {"row": "committed", "conv": "d.ann.bob", "seqs": [[1, 1]]},
    ]


def test_accepted_sends_beyond_the_limit_are_forgotten_and_that_is_stated():
    trail = Trail(make_config(), intervals_max=1)
    trail.accept("d.ann.bob", "ann", "g.1")
    trail.accept("d.ann.bob", "ann", "g.2")
    head, *_ = trail.rows()
    assert head["full"] == ["accepted"]


def test_a_file_has_a_head_and_a_last_row_and_no_texts_or_secrets(tmp_path):
    config = make_config(tmp_path / "server")
    trail = trails.begin(config)
    trail.commit(entry(1))
    trail.publish("edge-blue-1", [entry(1)])
    trail.receive([entry(1)])
    trail.push("bob", "d0", "d.ann.bob", 1)
    trails.write(trail, config)
    (file,) = (tmp_path / "server").iterdir()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["row"] for row in rows] == [
        "process", "committed", "published", "received", "pushed", "end",
    ]  # fmt: skip
    assert rows[-1]["rows"] == len(rows)
    assert "private" not in file.read_text()
    assert "hidden" not in file.read_text()


def test_a_process_without_a_folder_has_no_trail(tmp_path):
    assert trails.begin(make_config()) is None
    trails.write(None, make_config())


def test_a_trail_that_cannot_be_written_does_not_fail_the_process(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    config = make_config(tmp_path / "file" / "below")
    trails.write(trails.begin(config), config)
    assert "cannot be written" in caplog.text
