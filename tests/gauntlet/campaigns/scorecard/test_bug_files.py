"""Bugs are read from a folder without executing their files."""

import pytest

from gauntlet.campaigns.scorecard.bug_files import read, read_folder
from gauntlet.core.errors import ConfigError

GOOD = """
raise RuntimeError("executed")
SERVICES = ("edge",)
ANOMALIES = ("wire-order", "undelivered")
SENTENCE = "every tenth push is dropped"
OPTIONS = {"workload": {"group": {"weight": 1, "size": 6}}}
"""


def test_a_folder_holds_bugs_by_name_and_files_that_are_none(tmp_path):
    (tmp_path / "drops.py").write_text(GOOD)
    (tmp_path / "_shared.py").write_text("")
    (bug,) = read_folder(tmp_path)
    assert (bug.name, bug.anomalies) == ("drops", ("wire-order", "undelivered"))
    assert bug.sentence == "every tenth push is dropped"
    assert bug.options == {"workload": {"group": {"weight": 1, "size": 6}}}


def test_the_digest_changes_with_the_source(tmp_path):
    file = tmp_path / "drops.py"
    file.write_text(GOOD)
    before = read(file).digest
    file.write_text(GOOD + "# changed\n")
    assert read(file).digest != before


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("ANOMALIES", "NAMES", "ANOMALIES must be a tuple of names; got None"),
        ('("wire-order", "undelivered")', "()", r"ANOMALIES must be a tuple of names; got \(\)"),
        ("SENTENCE", "TEXT", "SENTENCE must be a text; got None"),
        ('{"workload": ', "[]  # ", r"OPTIONS must be a dict; got \[\]"),
        ('"every tenth push is dropped"', "text()", r"SENTENCE must be a constant; got text\(\)"),
        ("SENTENCE =", "SENTENCE ==== ", "must be a readable Python file"),
    ],
)
def test_a_file_that_does_not_state_what_it_breaks_is_refused(tmp_path, old, new, error):
    file = tmp_path / "drops.py"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=error):
        read(file)
