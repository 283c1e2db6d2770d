"""`gauntlet scorecard --short`: every mutator once, and a few runs of servers."""

import pytest

from gauntlet.campaigns import record_files
from gauntlet.campaigns.scorecard.trials import Part, Record
from gauntlet.campaigns.synthetic.mutators import MUTATORS
from gauntlet.cli import main
from gauntlet.core.errors import Exit

pytestmark = [pytest.mark.integration, pytest.mark.ci, pytest.mark.timeout(600)]


def test_the_short_scorecard_has_no_miss_and_no_alarm(tmp_path, require_service, capsys):
    require_service("redis")
    code = main.main(["scorecard", "--short", "--out", str(tmp_path)])
    assert code == Exit.OK, capsys.readouterr().out
    (file,) = tmp_path.glob("short-*.jsonl")
    found = list(record_files.read(file, Record))
    of = {part: [record for record in found if record.part is part] for part in Part}
    assert len(of[Part.ANOMALIES]) == len(MUTATORS)
    assert all(record.named for record in of[Part.ANOMALIES])
    assert {record.subject for record in of[Part.BUGS]} == {
        "ack_before_commit",
        "resync_skips_one",
    }
    assert [record.verdict for record in of[Part.CLEAN]] == ["pass", "pass"]
