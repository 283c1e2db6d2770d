"""What tells bugs apart."""

import pytest

from gauntlet.campaigns.bug_identity import identity_of
from gauntlet.core.errors import ConfigError


@pytest.mark.parametrize("name", ["", "ack_before_commit"])
def test_a_registered_bug_is_its_name(name):
    assert identity_of(name) == name


def test_a_file_is_its_content(tmp_path):
    files = [tmp_path / f"{name}.py" for name in "abc"]
    for file, content in zip(files, ("x = 1", "x = 1", "x = 2"), strict=True):
        file.write_text(content)
    first, copy, other = (identity_of(str(file)) for file in files)
    assert first == copy
    assert first != other


def test_a_file_that_cannot_be_read_is_refused():
    with pytest.raises(ConfigError, match=r"--bug must be a readable Python file; missing\.py"):
        identity_of("missing.py")
