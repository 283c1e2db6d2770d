"""The files of a gate."""

import msgspec

from gauntlet.campaigns.gate.outcome import Gate
from gauntlet.campaigns.gate.outputs import writing

from ..example import gate
from .example import FAILED, compared


def test_the_result_can_be_read_again(tmp_path):
    made = gate(comparisons=(compared(),), verdict=FAILED)
    writing.write(made, tmp_path)
    assert msgspec.json.decode((tmp_path / "gate.json").read_bytes(), type=Gate) == made
    written = {file.name for file in tmp_path.iterdir()}
    assert written == {"gate.json", "junit.xml", "summary.md", "comment.md", "benchmark.json"}
