"""The trace of the first users: readable, bounded, and without secrets."""

import base64
import contextlib
import json

import pytest

from gauntlet.scenarios.adapters.base import Account
from gauntlet.scenarios.recording.trace_writer import TraceWriter


@pytest.fixture
def file(tmp_path):
    """Where the trace is written."""
    return tmp_path / "trace-0.jsonl"


def rows(file):
    """Return what was written."""
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def writer():
    """Return writers whose clock stands still, which are closed at the end."""
    with contextlib.ExitStack() as writers:

        def make(file, **settings):
            made = TraceWriter(file, "websocket", lambda: 0, **settings)
            writers.callback(made.close)
            return made

        yield make


def test_text_is_text_and_anything_else_is_hex(file, writer):
    trace = writer(file)
    trace.add("sent", user="ann", connection=1, frame="grüß".encode())
    trace.add("received", user="ann", connection=1, frame=b"\x00\xff")
    text, binary = rows(file)
    assert (text["what"], text["text"], text["bytes"]) == ("sent", "grüß", 6)
    assert (binary["hex"], binary["transport"]) == ("00 ff", "websocket")


def test_secrets_of_the_account_are_hidden_wherever_they_are(file, writer):
    trace = writer(file)
    trace.hide(Account(name="ann", password="p4ssw0rd", token="t0k3n"))
    plain = base64.b64encode(b"\0ann\0p4ssw0rd").decode()
    trace.add("sent", frame=b"login p4ssw0rd")
    trace.add("sent", frame=b"\xff" + b"p4ssw0rd")
    trace.add("sent", frame=f"<auth>{plain}</auth>".encode())
    trace.add("dial", url="ws://h/?id=t0k3n", headers={"X-Id": "t0k3n"})
    trace.add("event", event="Answer(value='t0k3n')")
    text = file.read_text()
    assert "p4ssw0rd" not in text
    assert b"p4ssw0rd".hex(" ") not in text
    assert "t0k3n" not in text
    assert plain not in text
    assert text.count("***") >= 5


def test_secrets_that_a_server_returns_are_hidden_by_their_names(file, writer):
    trace = writer(file)
    trace.add("response", frame=b'{"access_token": "abc", "name": "ann"}')
    trace.add("dial", url="ws://h/?a=1&token=abc&b=2", headers={"Authorization": "Bearer abc"})
    trace.add("event", event="Login(token='abc')")
    text = file.read_text()
    assert "abc" not in text
    assert "ann" in text
    assert "b=2" in text


def test_the_file_is_bounded_and_only_its_owner_can_read_it(file, writer):
    trace = writer(file, bytes_max=1000)
    for _ in range(100):
        trace.add("sent", frame=b"x" * 100)
    assert rows(file)[-1]["what"] == "full"
    assert file.stat().st_size < 1400
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_long_frame_is_cut(file, writer):
    writer(file).add("sent", frame=b"x" * 100_000)
    (row,) = rows(file)
    assert (len(row["text"]), row["bytes"]) == (4096, 100_000)


def test_rows_after_the_end_are_discarded(file, writer):
    trace = writer(file)
    trace.close()
    trace.add("sent", frame=b"late")
    assert rows(file) == []
