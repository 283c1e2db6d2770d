"""`links.jsonl`."""

from gauntlet.core.run_directory import read_jsonl
from gauntlet.scenarios.adapters.base import Connected
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.recording.directory_writer import DirectoryWriter

from ..world import ANN, TALK, World


def test_rows_name_what_records_number(tmp_path):
    """Users, conversations and connections; connection numbers are the worker's own."""
    links = DirectoryWriter(tmp_path / "links.jsonl", 2)
    links.write_user(ANN)
    links.write_scripted_user(ANN)
    links.write_account(2_900_000, "b2-0")
    links.write_conversation(TALK)
    link = Connection(Session(World().context, ANN, None), "", 0, incarnation=3)
    link.connected = Connected("edge-blue-1", "blue", 1, 1, {})
    assert [links.write_connection(link), links.write_connection(link)] == [2_000_001, 2_000_002]
    links.close()
    user, again, account, conv, first, _ = read_jsonl(tmp_path / "links.jsonl")
    assert user == {"row": "user", "user": 1, "name": "u0-0"}
    assert again == {**user, "driven": True}
    assert account == {"row": "account", "account": 2_900_000, "name": "b2-0"}
    assert conv == {
        "row": "conv", "conv": 1, "name": TALK.name, "workload": "direct", "members": [1, 2],
    }  # fmt: skip
    assert first == {
        "row": "link", "link": 2_000_001, "user": 1, "device": "d0", "incarnation": 3,
        "edge": "edge-blue-1", "environment": "blue",
    }  # fmt: skip


def test_workers_append_to_one_file(tmp_path):
    """Rows of two workers never mix within a line."""
    writers = [DirectoryWriter(tmp_path / "links.jsonl", worker) for worker in (0, 1)]
    for _ in range(50):
        for writer in writers:
            writer.write_conversation(TALK)
            writer.flush()
    for writer in writers:
        writer.close()
    assert len(list(read_jsonl(tmp_path / "links.jsonl"))) == 100
