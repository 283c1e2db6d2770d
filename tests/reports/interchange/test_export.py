"""A run that is exported and imported again has the same verdicts."""

import json
from pathlib import Path

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Channel, Flag, Kind
from gauntlet.core.run_directory import write_json
from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.interchange.importing import import_history
from gauntlet.reports.verdict.judge import judge

from .lines import find, good

MUTATORS = (
    "lose_the_tail",
    "withhold_the_tail",
    "present_twice",
    "exchange_positions",
    "jump_silently",
    "corrupt_a_body",
    "read_after_leaving",
    "leave_a_hole_in_the_audit",
    "return_a_page_unsorted",
    "push_again_what_the_client_had",
    "recover_too_late",
)


def verdicts(result):
    """Return the verdicts of all checks but those whose evidence is not exported."""
    return {
        check["id"]: (check["verdict"], check["count"])
        for check in result["checks"]
        if check["id"] not in ("access", "exit", "timestamps")
    }


@pytest.mark.parametrize("mutator", ["", *MUTATORS])
def test_an_exported_run_keeps_its_verdicts(tmp_path: Path, written, good_story, break_it, mutator):
    story = good_story(1)
    if mutator:
        break_it(mutator, story)
    run = written(story)
    file = tmp_path / "export.jsonl"
    with file.open("w") as stream:
        assert export_lines(run, stream) > 1000
    again = judge(import_history(str(file), tmp_path / "runs", []))
    assert verdicts(again) == verdicts(judge(run))


def test_an_exported_run_keeps_what_arrived_and_was_not_shown(tmp_path: Path, written, good_story):
    story = good_story(1)
    shown = story.at(Kind.DELIVER, flags=Channel.LIVE)
    story.change(shown[20], kind=Kind.ARRIVED, spare=2)
    event = story.records[story.at(Kind.ROOM, flags=Channel.LIVE)[0]]
    story.records.append(event._replace(kind=Kind.ARRIVED, flags=Flag.ROOM_EVENT, spare=1))
    story.reconcile()
    run, file = written(story), tmp_path / "export.jsonl"
    with file.open("w") as stream:
        export_lines(run, stream)
    again = import_history(str(file), tmp_path / "runs", [])
    assert verdicts(judge(again)) == verdicts(judge(run))
    records = np.concatenate([np.fromfile(f, dtype=DTYPE) for f in again.history.glob("*.bin")])
    arrived = records[records["kind"] == Kind.ARRIVED]
    flags_and_missing = zip(arrived["flags"].tolist(), arrived["spare"].tolist(), strict=True)
    assert sorted(flags_and_missing) == [(0, 2), (Flag.ROOM_EVENT, 1)]
    sentences = [w["sentence"] for c in judge(again)["checks"] for w in c["witnesses"]]
    assert any("was held back behind position" in sentence for sentence in sentences)


def test_an_imported_history_can_be_exported_again(tmp_path: Path):
    first = tmp_path / "first.jsonl"
    rows = good()
    del rows[find(rows, kind="deliver", message="m3", user="carol")]
    first.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = import_history(str(first), tmp_path / "runs", [])
    second = tmp_path / "second.jsonl"
    for capabilities in (["server_seq"], []):
        manifest = run.read_manifest()
        manifest["adapter"]["capabilities"] = ["history", *capabilities]
        write_json(run.manifest, manifest)
        with second.open("w") as stream:
            export_lines(run, stream)
        again = judge(import_history(str(second), tmp_path / "runs", []))
        assert verdicts(again)["undelivered"] == ("invalid", 1)
        assert verdicts(again)["lost-acked"] == ("valid", 0)
