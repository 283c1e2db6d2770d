"""What belongs to a run, by its directory alone."""

import json

import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import Accounts
from gauntlet.scenarios.cleanup import run_record
from gauntlet.scenarios.client import payload

TAG = "1a2b3c4d-"
OWN, OTHER = "u1a2b3c4d-0-0", "alice"


@pytest.fixture
def run(tmp_path):
    """A run with a user of its own, and one who was there before; only those were connected."""
    run = RunDir.make(tmp_path / "r")
    rows = [
        *({"row": "user", "user": n, "name": name} for n, name in ((1, OWN), (2, OTHER), (3, "x"))),
        {"row": "conv", "conv": 1, "name": f"d.{OWN}.{OTHER}", "workload": "d", "members": [1, 2]},
        {"row": "conv", "conv": 2, "name": "r.0-0", "workload": "group", "members": [1, 2]},
        *({"row": "link", "link": n, "user": n % 10, "device": f"d{n // 10}"} for n in (1, 2, 12)),
    ]
    write(run, *rows)
    return run


def write(run, *rows):
    with run.links.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def members(run, named=None):
    return run_record.read(run, TAG, named).members


def test_every_device_that_was_connected_is_a_member(run):
    found = [(member.user.name, member.user.device) for member in members(run)]
    assert found == [(OWN, "d0"), (OTHER, "d0"), (OTHER, "d1")]


def test_what_has_the_tag_in_its_name_belongs_to_the_run_alone(run):
    own, other, _ = members(run)
    assert own.data.owns_account
    assert not other.data.owns_account
    assert other.data.conversations == {f"d.{OWN}.{OTHER}": [OWN, OTHER]}
    assert other.data.shared == {"r.0-0": [OWN, OTHER]}


def test_only_intact_bodies_with_the_tag_were_written_by_the_run(run):
    wrote = members(run)[0].data.wrote
    body = payload.build(1, 1, 1, 1, 100, TAG.rstrip("-"))
    assert wrote(body)
    assert not wrote(body + "x")
    assert not wrote(payload.build(1, 1, 1, 1, 100, "99999999"))
    assert not wrote("hello")


def test_an_account_that_the_run_has_reported_as_created_belongs_to_it(run):
    """Even if its user was never connected."""
    write(run, {"row": "created", "created": 2, "kind": "account", "name": OTHER},
          {"row": "created", "created": 3, "kind": "account", "name": "x"})  # fmt: skip
    assert {member.user.name: member.data.owns_account for member in members(run)} == {
        OWN: True, OTHER: True, "x": True,
    }  # fmt: skip
    assert ("account", "x") in members(run)[0].data.created


def test_users_whose_account_was_removed_are_no_members_any_more(run):
    row = {"kind": "account", "name": "a@b", "user": OWN, "status": "removed"}
    failed = {**row, "user": OTHER, "status": "failed"}
    run.cleaned.write_text("".join(json.dumps(each) + "\n" for each in (row, failed)))
    record = run_record.read(run, TAG, None)
    assert record.removed == 1
    assert {member.user.name for member in record.members} == {OTHER}


def test_credentials_are_those_of_the_accounts_file_or_of_all(run, tmp_path):
    file = tmp_path / "users.csv"
    file.write_text(f"name,password\n{OTHER},p1\n")
    record = run_record.read(run, TAG, Accounts(file=str(file), token="t"))
    assert record.without_account == [OWN]
    account = record.members[0].user.account
    assert (account.name, account.password, account.token) == (OTHER, "p1", "t")
    account = members(run, Accounts(pattern="{n}", password="all"))[0].user.account
    assert account.password == "all"
