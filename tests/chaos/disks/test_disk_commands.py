"""Which answer belongs to which command of a disk, without a disk."""

import io
import json
import os
from types import SimpleNamespace

import pytest

from gauntlet.chaos.disks import disk as disk_module
from gauntlet.chaos.disks.disk import Disk
from gauntlet.core.errors import StackError


@pytest.fixture
def process():
    """A process of a disk: `answer` writes what it answers, `stdin` has the commands."""
    reader, writer = os.pipe()

    def answer(**row):
        os.write(writer, json.dumps(row).encode() + b"\n")

    with os.fdopen(reader, "rb") as output:
        yield SimpleNamespace(stdin=io.StringIO(), stdout=output, answer=answer)
    os.close(writer)


def test_a_late_answer_is_not_taken_for_that_of_the_next_command(process, tmp_path, monkeypatch):
    disk = Disk(process, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(disk_module, "_ANSWER_TIMEOUT_S", 0.01)
        with pytest.raises(StackError, match="does not answer"):
            disk.counts()
    process.answer(number=1, ok={"opens": 1})
    process.answer(number=2, ok={"opens": 2})
    assert disk.counts().opens == 2
    process.answer(number=3, error="broken")
    with pytest.raises(StackError, match="failed: broken"):
        disk.counts()
    numbers = [json.loads(line)["number"] for line in process.stdin.getvalue().splitlines()]
    assert numbers == [1, 2, 3]
