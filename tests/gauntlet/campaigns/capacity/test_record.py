"""The record of a campaign, as `gauntlet plan` reads it."""

import json
from pathlib import Path

import pytest

from gauntlet.campaigns.capacity import record
from gauntlet.campaigns.capacity.outputs import writing
from gauntlet.core.errors import ConfigError

PUBLISHED = Path(__file__).parents[4] / "docs" / "reference" / "capacity.schema.json"


def test_the_schema_is_published():
    assert json.loads(PUBLISHED.read_text()) == json.loads(json.dumps(writing.schema()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be a record"),
        (b"[]", "must be a record"),
        (b"\xff", "must be a record"),
        (b'{"schema_version": 2}', "must have schema_version 1; got 2"),
        (b'{"schema_version": 1}', "missing required field"),
        (b'{"schema_version": NaN}', "must be a record"),
        (b"[" * 100_000, "must be a record"),
    ],
)
def test_another_file_is_refused(tmp_path, content, message):
    file = tmp_path / "capacity.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        record.read(file)


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must be a record"):
        record.read(tmp_path / "capacity.json")
