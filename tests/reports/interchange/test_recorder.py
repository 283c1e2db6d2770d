"""What a test may give to the recorder of its history."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gauntlet.reports.interchange.recorder import Recorder


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path, lambda: 7)
    yield made
    made.close()


def lines(recorder: Recorder) -> list[dict[str, object]]:
    return [json.loads(line) for line in recorder.file.read_text().splitlines()]


def test_ids_of_other_types_are_written_as_texts_and_integers(recorder: Recorder):
    number = uuid.UUID(int=5)
    recorder.send("a", "t", number)
    recorder.read("a", "t", (np.int64(3), number))
    header, sent, page = lines(recorder)
    assert header["kind"] == "header"
    assert sent["message"] == str(number)
    assert page["messages"] == [3, str(number)]


@pytest.mark.parametrize("message", [b"x", {1}, object(), 2j])
def test_what_is_no_id_is_refused_and_leaves_nothing(recorder: Recorder, message):
    with pytest.raises(TypeError, match="im_history must be given strings, numbers"):
        recorder.send("a", "t", message)
    assert recorder.is_empty
    assert lines(recorder) == []
    recorder.declare(name="still possible")
    recorder.member("a", "t")
    assert [line["kind"] for line in lines(recorder)] == ["header", "member"]
