"""A run that is exported and imported again has the same verdicts."""

import json
from pathlib import Path

import pytest

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
