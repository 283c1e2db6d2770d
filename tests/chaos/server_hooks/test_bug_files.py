"""Seeded bugs of users: a file is read, never executed, outside of the server."""

import pytest

from gauntlet.chaos.server_hooks.bug_files import SERVICES, find_bug
from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.core.errors import ConfigError
from gauntlet.reference_server.core import config

GOOD = '''"""Forgets everything.

Details.
"""

SERVICES = ("message", "edge")
raise RuntimeError("executed")


def install():
    pass
'''


def test_a_registered_bug_is_found_by_its_name():
    assert find_bug("ack_before_commit") is BUGS["ack_before_commit"]


def test_a_file_is_a_bug_of_the_services_that_it_names(tmp_path):
    file = tmp_path / "forget.py"
    file.write_text(GOOD)
    bug = find_bug(str(file))
    assert (bug.about, bug.services) == ("Forgets everything.", ("message", "edge"))
    assert bug.module == str(file)


def test_a_relative_path_is_the_one_of_this_process(tmp_path, monkeypatch):
    """The server's processes run in other folders."""
    (tmp_path / "forget.py").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert find_bug("forget.py").module == str(tmp_path / "forget.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "must be a readable Python file"),
        ("def install(:", "must be a readable Python file"),
        ("SERVICES = ('edge',)", "must be a file that defines install()"),
        ("def install(): ...", "SERVICES must be a tuple of: gateway, .*; it is not defined"),
        ("SERVICES = ('disk',)\ndef install(): ...", r"got \('disk',\)"),
        ("SERVICES = ()\ndef install(): ...", r"got \(\)"),
        ("SERVICES = 'edge'\ndef install(): ...", "got 'edge'"),
        ("SERVICES = all()\ndef install(): ...", r"got all\(\)"),
    ],
)
def test_a_file_that_is_no_bug_is_refused_with_the_reason(tmp_path, text, message):
    file = tmp_path / "wrong.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        find_bug(str(file))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"ack_before_commit, .*; got none_such"):
        find_bug("none_such")


def test_the_services_are_those_of_the_server():
    assert sorted(SERVICES) == sorted(config.SERVICES)
