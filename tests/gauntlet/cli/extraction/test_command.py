"""`gauntlet extract`: a trace that a load can replay, with the messages of the run."""

import itertools
import json
import os
from collections import Counter

import pytest

from gauntlet.campaigns.synthetic import histories
from gauntlet.campaigns.synthetic.story import S
from gauntlet.cli.main import main
from gauntlet.core.errors import Exit
from gauntlet.core.history import Kind
from gauntlet.core.run_directory import write_json
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic


@pytest.fixture
def story():
    return histories.good_story()


@pytest.fixture
def extract(tmp_path, story, capsys):
    """A function that writes the story with a load and extracts its trace."""
    numbers = itertools.count()

    def extract(*options, load=None, trace=None, expected=Exit.OK):
        story.scenario["load"] |= load or {}
        run = story.write(tmp_path / f"r{next(numbers)}")
        write_json(run.path / "load.json", {"tag": "1a2b3c4d-", "trace": trace})
        assert main(["extract", str(run.path), *options]) == expected
        printed = capsys.readouterr()
        return printed.out if expected is Exit.OK else printed.err

    return extract


def ops(story):
    """The messages that the story has sent, by intended time."""
    sent = [record for record in story.records if record.kind == Kind.OP]
    return sorted(sent, key=lambda record: record.ref_ns)


def test_a_trace_has_every_message_with_its_time_its_place_and_its_text(extract, story):
    trace = arrival_trace.parse(extract(), "r.jsonl")
    sent = ops(story)
    offsets = [(record.ref_ns - sent[0].ref_ns) / S for record in sent]
    assert trace.values == pytest.approx(offsets, abs=1e-6)
    messages = trace.messages
    expected = Counter((record.conv, record.peer) for record in sent)
    counted = Counter(zip(messages.conversations, messages.senders, strict=True))
    assert sorted(counted.values()) == sorted(expected.values())
    assert len(set(messages.texts)) > 100
    assert not messages.sizes


def test_a_trace_may_have_the_sizes_of_whole_bodies_in_place_of_texts(extract, story):
    texts = [json.loads(line)["text"] for line in extract().splitlines()]
    trace = arrival_trace.parse(extract("--sizes"), "r.jsonl")
    bodies = [
        payload.wrap_text(op.conv, op.peer, op.sseq, op.ref_ns, text, "1a2b3c4d")
        for op, text in zip(ops(story), texts, strict=True)
    ]
    assert trace.messages.sizes == tuple(len(body.encode()) for body in bodies)


def test_a_load_that_replays_the_trace_sends_the_same_texts_at_the_same_times(
    extract, story, tmp_path
):
    file = tmp_path / "t.jsonl"
    extract("--out", str(file))
    load = {"users": 8, "ramp": 2, "steady": 24, "profile": {"kind": "recorded", "file": str(file)}}
    scenario = from_builtins({"version": 1, "name": "again", "about": "Again.", "load": load})
    trace = arrival_trace.trace_of(scenario.load)
    traffic = Traffic(scenario, Stripe(), trace)
    times_ns = list(traffic.offsets_ns())
    sent = ops(story)
    assert times_ns == pytest.approx([op.ref_ns - sent[0].ref_ns for op in sent], abs=2_000)
    replayed = [traffic.draw_op(t_ns, lambda _conv: True) for t_ns in times_ns]
    assert [op.text for op in replayed] == list(trace.messages.texts)
    authors = {}  # every sender of a conversation is one author of the replay
    for old, new in zip(sent, replayed, strict=True):
        assert authors.setdefault((old.conv, old.peer), new.author) == new.author


def test_bodies_of_a_fixed_size_keep_it(extract):
    trace = arrival_trace.parse(
        extract(load={"bodies": {"kind": "fixed", "bytes": 300}}), "x.jsonl"
    )
    assert set(trace.messages.sizes) == {300}


def test_a_trace_is_written_to_a_jsonl_file_only(extract, tmp_path):
    file = tmp_path / "t.jsonl"
    assert extract("--out", str(file)) == ""
    assert arrival_trace.read(file).messages.texts
    assert ".jsonl" in extract("--out", str(tmp_path / "t.txt"), expected=Exit.CONFIG)
    assert "cannot be written" in extract(
        "--out", str(tmp_path / "absent" / "t.jsonl"), expected=Exit.CONFIG
    )


def test_a_run_that_replayed_messages_is_refused(extract):
    """Their sizes and texts are in the trace that it replayed."""
    trace = {"messages": {"file": "monday.csv"}}
    assert "that trace" in extract(trace=trace, expected=Exit.CONFIG)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 10_000, '{"trace": [1]}'])
def test_a_damaged_description_of_the_load_is_named(tmp_path, story, capsys, text):
    run = story.write(tmp_path / "r")
    (run.path / "load.json").write_text(text)
    assert main(["extract", str(run.path)]) in (Exit.CONFIG, Exit.HARNESS)
    error = capsys.readouterr().err
    assert error.startswith(f"gauntlet: {run.path}")
    assert error.count("\n") == 1


def test_a_pipe_in_place_of_the_description_of_the_load_is_not_read(tmp_path, story, capsys):
    run = story.write(tmp_path / "r")
    os.mkfifo(run.path / "load.json")
    assert main(["extract", str(run.path)]) == Exit.CONFIG
    assert "load.json must be a regular file" in capsys.readouterr().err


def test_a_trace_that_could_not_be_read_again_is_refused(extract, monkeypatch):
    monkeypatch.setattr(arrival_trace, "ROWS_MAX", 5)
    assert "at most 5 rows" in extract(expected=Exit.CONFIG)
    monkeypatch.undo()
    monkeypatch.setattr(arrival_trace, "BYTES_MAX", 100)
    assert "--sizes" in extract(expected=Exit.CONFIG)


def test_a_run_without_messages_has_no_trace(extract, story):
    story.drop(story.at(Kind.OP))
    story.reconcile()
    extract(expected=Exit.HARNESS)
