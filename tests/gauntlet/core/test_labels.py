"""Labels describe the system under test, and can be changed after a run."""

import json

import pytest

from gauntlet.core import labels
from gauntlet.core.errors import ConfigError, HistoryError
from gauntlet.core.run_directory import RunDir


@pytest.fixture
def run(tmp_path):
    return RunDir.create(tmp_path, "steady", 1)


def test_labels_are_added_replaced_and_removed(run):
    assert labels.read(run) == {}
    labels.change(run, {"version": "2.3", "site": "a b"})
    labels.change(run, {"version": "2.4", "baseline": "yes"})
    assert labels.read(run) == {"baseline": "yes", "site": "a b", "version": "2.4"}
    assert labels.change(run, {"site": ""}) == {"baseline": "yes", "version": "2.4"}
    assert labels.text(labels.read(run)) == "baseline=yes, version=2.4"


def test_a_value_may_contain_an_equals_sign():
    assert labels.parse(["build=a=b", "old="]) == {"build": "a=b", "old": ""}


@pytest.mark.parametrize(
    "text", ["version", "=2", "Version=2", "v=\x1b[31m", "v=a\nb", f"v={'x' * 201}", "a b=c"]
)
def test_a_label_of_another_form_is_refused(text):
    with pytest.raises(ConfigError, match="must be KEY=VALUE"):
        labels.parse([text])


@pytest.mark.parametrize("content", [{"v": 1}, {"V": "a"}, {"v": "\x1b"}, {"v": ""}, ["v"]])
def test_a_damaged_file_of_labels_is_an_error_of_the_history(run, content):
    run.labels.write_text(json.dumps(content))
    with pytest.raises(HistoryError):
        labels.read(run)


def test_a_symbolic_link_is_not_followed(run, tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"version": "1"}')
    run.labels.symlink_to(other)
    with pytest.raises(HistoryError, match="symbolic link"):
        labels.read(run)
