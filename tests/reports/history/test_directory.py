"""Users, conversations and connections are read from links.jsonl."""

import json

import pytest

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.history.directory import Names

USER = {"row": "user", "user": 1, "name": "ann"}
CONV = {"row": "conv", "conv": 4, "name": "d.ann.bob", "workload": "direct", "members": [1, 2]}
LINK = {
    "row": "link",
    "link": 7,
    "user": 1,
    "device": "d0",
    "incarnation": 1,
    "edge": "edge-1",
    "environment": "blue",
}


@pytest.fixture
def run(tmp_path):
    return RunDir(tmp_path)


def read(run, *rows):
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    run.links.write_text("".join(f"{line}\n" for line in lines))
    return Names.read(run)


def test_each_row_is_read(run):
    names = read(run, {**USER, "driven": True}, CONV, LINK)
    assert (names.users, names.driven) == ({1: "ann"}, {1})
    assert names.convs[4].members == (1, 2)
    assert (names.connections[7].user, names.connections[7].edge) == (1, "edge-1")


def test_what_a_run_created_names_no_one(run):
    """`gauntlet clean` reads such rows."""
    created = {"row": "created", "created": 1, "kind": "account", "name": "ann"}
    assert read(run, USER, created).users == {1: "ann"}


def test_an_account_outside_the_load_has_a_name_and_is_no_user(run):
    names = read(run, USER, {"row": "account", "account": 900_000, "name": "b0-0"})
    assert (names.user(1), names.user(900_000), names.user(2)) == ("ann", "b0-0", "user 2")
    assert names.users == {1: "ann"}


def test_a_name_with_half_a_surrogate_pair_is_read(run):
    assert read(run, {**USER, "name": "\ud83d"}).users == {1: "\ud83d"}


def test_a_last_line_that_was_not_completed_is_left_out(run):
    run.links.write_text(json.dumps(USER) + "\n" + json.dumps(CONV))
    names = Names.read(run)
    assert (len(names.users), len(names.convs)) == (1, 0)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"row": "user", "user": 1}, "missing required field `name`"),
        ({**LINK, "user": "1"}, "Expected `int`"),
        ("nonsense", "cannot be read"),
        ("[" * 100_000, "nested too deeply"),
        ("NaN", "cannot be read"),
    ],
    ids=["lacks-a-field", "another-type", "no-json", "nested", "nan"],
)
def test_a_damaged_row_is_named_with_its_line(run, row, problem):
    with pytest.raises(HistoryError, match=f"links.jsonl, line 2.*{problem}"):
        read(run, USER, row)
