"""Accounts by pattern and from files, and their division among workers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import accounts
from gauntlet.core.scenario.accounts import Account
from gauntlet.core.scenario.loader import load, parse
from gauntlet.core.scenario.model import Accounts

CSV = "user,pass,room,token\nann,p1,red,\nbob,p2,blue,t2\n"
JSONL = (
    '{"user": "ann", "pass": "p1", "room": "red"}\n\n{"user": "bob", "pass": 2, "token": "t2"}\n'
)
COLUMNS = {"name": "user", "password": "pass"}


def write(folder, name, text):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_csv_file_has_accounts_and_further_fields(tmp_path):
    assert accounts.read(write(tmp_path, "u.csv", CSV), COLUMNS) == [
        Account(name="ann", password="p1", fields={"room": "red"}),
        Account(name="bob", password="p2", token="t2", fields={"room": "blue"}),
    ]


def test_a_file_of_json_lines_has_accounts_and_further_fields(tmp_path):
    assert accounts.read(write(tmp_path, "u.jsonl", JSONL), COLUMNS) == [
        Account(name="ann", password="p1", fields={"room": "red"}),
        Account(name="bob", password="2", token="t2"),
    ]


def test_quotes_and_a_byte_order_mark_are_read(tmp_path):
    file = write(tmp_path, "u.csv", '\ufeffname,password\n"a,b","x ""y"""\n')
    assert accounts.read(file, {}) == [Account(name="a,b", password='x "y"')]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("u.csv", "user,pass\nann,p1\nbob,p2\nann,p3\n", "u.csv:4: the name must be unique; got"),
        ("u.csv", "name,pass\nann,p1\n", "u.csv:2: accounts.columns.name must be one of: name, p"),
        ("u.csv", "user,pass\nann\n", "u.csv:2: a row must have 2 cells, like the header; got 1"),
        ("u.csv", "user,pass\n,p1\n", "u.csv:2: the column user must be a name"),
        ("u.csv", "user,user\na,b\n", "u.csv:1: the header must name every column once"),
        ("u.csv", 'user,pass\n"a,b\n', "the row is not valid CSV"),
        ("u.jsonl", "{}\n", "u.jsonl:1: accounts.columns.name must be one of: none; got user"),
        ("u.jsonl", '{"user": "a", "pass": [1]}\n', "u.jsonl:1: a line must be a JSON object of"),
        ("u.jsonl", '{"user"\n', "u.jsonl:1: a line must be a JSON object"),
    ],
)
def test_an_error_names_file_and_line(tmp_path, name, text, message):
    with pytest.raises(ConfigError) as caught:
        accounts.read(write(tmp_path, name, text), COLUMNS)
    assert message in str(caught.value)
    assert "p1" not in str(caught.value).replace("name, pass", "")


def test_a_pattern_numbers_the_accounts_of_a_run():
    made = accounts.make(Accounts(pattern="load-{run}-{n:05}", password="x"), 7, 2, "ab12")
    assert [account.name for account in made] == ["load-ab12-00008", "load-ab12-00009"]
    assert {account.password for account in made} == {"x"}


@pytest.mark.parametrize("pattern", ["load", "{n", "{m}", "{n.real}", "{run}", " {n}", "{n:.0}x{}"])
def test_a_pattern_must_give_every_account_another_name(pattern):
    assert accounts.pattern_problem(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["{n:9999999999}", "{n:01000}", "{run:>99999}{n}", "{n:{run}}", "{n:{n}}", "u" * 200 + "{n}"],
)
def test_a_pattern_whose_names_would_fill_the_memory_or_differ_in_the_run_is_refused(pattern):
    assert "at most 200 characters" in accounts.pattern_problem(pattern) or (
        "a width below 1000" in accounts.pattern_problem(pattern)
    )


def test_a_pattern_may_have_a_width():
    assert accounts.pattern_problem("load-{run:>20}-{n:0100}") == ""


@given(st.integers(2, 500), st.integers(1, 8))
def test_workers_share_no_account_and_need_no_more_than_the_count(users, workers):
    taken = []
    for worker in range(workers):
        first, count = accounts.share(worker, workers, users)
        taken += range(first, first + count)
    assert len(set(taken)) == len(taken) == accounts.needed(users, workers)
    assert users <= max(taken) + 1 <= accounts.needed(users, workers) + workers


def test_too_few_accounts_are_refused_with_the_number_needed(tmp_path):
    file = write(tmp_path, "u.csv", CSV)
    named = Accounts(file=str(file), columns=COLUMNS)
    accounts.check_count(named, 2, 1)
    with pytest.raises(ConfigError, match=r"at least 4 accounts; .* has 2 .3 users on 2 workers"):
        accounts.check_count(named, 3, 2)
    with pytest.raises(ConfigError, match="at least 3 accounts"):
        accounts.make(named, 1, 2, "")


def test_a_password_of_the_scenario_is_used_where_the_file_has_none(tmp_path):
    file = write(tmp_path, "u.csv", "name,password\nann,\nbob,own\n")
    made = accounts.make(Accounts(file=str(file), password="shared"), 0, 2, "")
    assert [account.password for account in made] == ["shared", "own"]


def scenario(tmp_path, accounts_text):
    text = f"version: 1\nname: x\nabout: y\naccounts: {accounts_text}\n"
    return write(tmp_path, "s.yaml", text)


def test_the_file_is_relative_to_the_scenario(tmp_path):
    file = write(tmp_path, "u.csv", CSV)
    found = load(scenario(tmp_path, "{file: u.csv, columns: {name: user, password: pass}}"))
    assert found.accounts.file == str(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "accounts must be a mapping with pattern, file or sign_up"),
        ("{pattern: load}", "accounts.pattern must be a text with {n}"),
        ("{pattern: 'u{n}', file: u.csv}", "accounts.file must be empty where accounts.pattern"),
        ("{file: users.txt}", "accounts.file must be a .csv or .jsonl file; got users.txt"),
        ("{file: u.csv, columns: {nick: x}}", "accounts.columns.nick must be one of: name"),
        ("{pattern: 'u{n}', columns: {name: x}}", "accounts.columns must be empty"),
    ],
)
def test_a_wrong_value_is_reported_with_its_key(text, message):
    with pytest.raises(ConfigError) as caught:
        parse(f"version: 1\nname: x\nabout: y\naccounts: {text}\n", "s.yaml")
    assert f"s.yaml:4: {message}" in str(caught.value)


def test_a_missing_file_is_an_error_of_its_key(tmp_path):
    with pytest.raises(ConfigError, match=r"s.yaml:4: accounts.file must be a valid file"):
        load(scenario(tmp_path, "{file: absent.csv}"))
