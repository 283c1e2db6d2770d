"""Users, conversations and connections are read from links.jsonl."""

import json

import numpy as np
import pytest

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import STRANGER_SSEQ
from gauntlet.core.run_directory import NUMBERS_PER_WORKER, RunDir
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
    assert names.user(0) == "an unknown user"
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


@pytest.mark.parametrize(("lost", "kept"), [((), {1, 2}), ({0}, {2}), ({1}, {1}), ({0, 1}, set())])
def test_what_a_lost_worker_named_is_left_out(run, lost, kept):
    other = NUMBERS_PER_WORKER
    read(
        run,
        {**USER, "driven": True},
        CONV,
        LINK,
        {**USER, "user": other + 1, "driven": True},
        {**CONV, "conv": other + 4},
        {**LINK, "link": other + 7, "user": other + 1},
        {"row": "account", "account": 900, "name": "b1"},
        {"row": "account", "account": other + 900, "name": "b2"},
    )
    names = Names.read(run, lost)
    of_each = {1: 0, 2: other}
    assert names.users.keys() == names.driven == {of_each[worker] + 1 for worker in kept}
    assert names.convs.keys() == {of_each[worker] + 4 for worker in kept}
    assert names.connections.keys() == {of_each[worker] + 7 for worker in kept}
    for worker, first in of_each.items():
        name = f"b{worker}" if worker in kept else f"user {first + 900}"
        assert names.user(first + 900) == name


def test_only_some_users_are_driven(run):
    assert read(run, USER, {**USER, "user": 2, "driven": True}).driven == {2}


def test_each_device_of_a_user_is_a_session(run):
    names = read(
        run,
        {**LINK, "link": 7, "user": 2},
        {**LINK, "link": 9, "device": "d1", "edge": "edge-2"},
        {**LINK, "link": 8},
        {**LINK, "link": 5, "incarnation": 2},
    )
    links = np.array([5, 6, 7, 8, 9])
    users, sessions = [1, 0, 2, 1, 1], [0, -1, 2, 0, 1]
    assert names.sessions == [(1, "d0"), (1, "d1"), (2, "d0")]
    assert names.last_session == {1: 1, 2: 2}
    assert names.edges == {"edge-1", "edge-2"}
    assert names.user_of(links).tolist() == users
    assert names.session_of(links).tolist() == sessions
    assert [found.tolist() for found in names.owners_of(links)] == [users, sessions]


def test_who_has_no_row_is_called_by_their_number(run):
    names = read(run, USER, CONV)
    assert (names.user(1), names.user(2)) == ("ann", "user 2")
    assert (names.conv(4), names.conv(5)) == ("d.ann.bob", "conversation 5")
    assert names.message(7) == "7"


@pytest.mark.parametrize(
    ("number", "name"),
    [(1, "é-1"), (2, "b-22"), (3, "c"), (0, "0"), (4, "4"), (STRANGER_SSEQ + 2, "b-22")],
)
def test_the_messages_of_an_imported_history_are_called_by_their_ids(run, number, name):
    run.messages.write_text('"é-1"\n"b-22"\n"c"\n')
    assert read(run, USER).message(number) == name


def test_the_first_stranger_is_no_message_of_the_load(run):
    run.messages.write_text('"é-1"\n')
    assert read(run, USER).message(STRANGER_SSEQ) == "0"
