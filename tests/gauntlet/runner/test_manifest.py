"""The commit that a manifest names."""

import subprocess

import pytest

from gauntlet.runner.manifest import RECORDS, commit_of


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a module and with records."""

    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    (tmp_path / RECORDS).mkdir(parents=True)
    (tmp_path / RECORDS / "grades.jsonl").write_text("{}\n")
    (tmp_path / "module.py").write_text("one\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "First")
    return tmp_path


def test_the_commit_has_12_digits(checkout):
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=checkout, text=True)
    assert commit_of(checkout) == head[:12]


def test_new_records_do_not_make_a_checkout_dirty(checkout):
    (checkout / RECORDS / "grades.jsonl").write_text("{}\n{}\n")
    assert not commit_of(checkout).endswith("-dirty")
    assert commit_of(checkout / "benchmarks") == commit_of(checkout)


def test_a_changed_module_makes_a_checkout_dirty(checkout):
    (checkout / "module.py").write_text("two\n")
    assert commit_of(checkout).endswith("-dirty")
    assert commit_of(checkout / "benchmarks").endswith("-dirty")


def test_without_a_checkout_there_is_no_commit(tmp_path):
    assert commit_of(tmp_path) is None
