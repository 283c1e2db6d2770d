"""Following a file that grows."""

from gauntlet.core.run_directory import Tail


def test_each_whole_row_is_read_once(tmp_path):
    """Rows arrive in order, half a row waits for its other half, nothing comes twice."""
    file = tmp_path / "live.jsonl"
    tail = Tail(file)
    assert tail.read_new() == []
    file.write_bytes(b'{"n":1}\n{"n":2}\n{"n"')
    assert tail.read_new() == [{"n": 1}, {"n": 2}]
    assert tail.read_new() == []
    with file.open("ab") as stream:
        stream.write(b":3}\n")
    assert tail.read_new() == [{"n": 3}]
    assert tail.last == {"n": 3}
