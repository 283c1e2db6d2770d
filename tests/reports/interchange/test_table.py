"""The records of a run as a table have the values of the records, and the names of a history."""

import json
from collections import Counter

import numpy as np

from gauntlet.core.history import DTYPE, Kind
from gauntlet.reports.interchange import table
from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.interchange.table import export_table

from .parquet_reader import read_parquet

FIELDS = ("t_ns", "ref_ns", "link", "peer", "sseq", "seq", "flags", "spare")


def test_a_table_has_all_records_with_the_names_of_a_history(
    tmp_path, written, good_story, monkeypatch
):
    """The two exports agree on who received which message where, and when."""
    monkeypatch.setattr(table, "ROWS", 1000)
    run, file, lines = written(good_story(1)), tmp_path / "run.parquet", tmp_path / "run.jsonl"
    with file.open("wb") as stream:
        count = export_table(run, stream)
    found, sizes = read_parquet(file.read_bytes())
    records = np.concatenate([np.fromfile(f, dtype=DTYPE) for f in run.history.glob("*.bin")])
    assert count == records.size == sum(sizes)
    assert set(sizes[:-1]) == {1000}
    assert Counter(zip(*(found[name] for name in FIELDS), strict=True)) == Counter(
        tuple(int(row[name]) for name in FIELDS) for row in records
    )
    kinds = [Kind(kind).name.lower() for kind in records["kind"].tolist()]
    assert Counter(found["kind"]) == Counter(kinds)
    with lines.open("w") as stream:
        export_lines(run, stream)
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    columns = ("kind", "t_ns", "conversation", "user", "device", "subject", "seq")
    shown = Counter(
        row for row in zip(*(found[name] for name in columns), strict=True) if row[0] == "deliver"
    )
    keys = ("kind", "time", "conversation", "user", "device", "sender", "position")
    assert shown == Counter(
        tuple(row[key] for key in keys) for row in rows if row["kind"] == "deliver"
    )


def test_what_has_no_name_is_empty_and_a_count_is_no_subject(tmp_path, written, good_story):
    """A page has a number of entries where other records have a user; an audit has no reader."""
    story = good_story(1)
    story.records[0] = story.records[0]._replace(kind=99)
    file = tmp_path / "run.parquet"
    with file.open("wb") as stream:
        export_table(written(story), stream)
    found, _ = read_parquet(file.read_bytes())
    rows = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    pages = [row for row in rows if row["kind"] == "page"]
    assert {row["subject"] for row in pages} == {""}
    assert {(bool(row["link"]), bool(row["user"]), bool(row["device"])) for row in pages} == {
        (True, True, True),
        (False, False, False),
    }
    away = next(row for row in rows if row["kind"] == "offline")
    assert (away["user"], away["device"], away["conversation"]) == ("u0-8", "", "")
    assert "99" in found["kind"]
