"""A run that is exported and imported again has the same verdicts."""

import json
from pathlib import Path

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, STRANGER_SSEQ, Channel, Flag, Kind, PageFlag
from gauntlet.core.run_directory import write_json
from gauntlet.reports.history.directory import Names
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
    "begin_a_page_too_early",
    "push_again_what_the_client_had",
    "recover_too_late",
    "answer_a_stranger",
    "store_a_message_of_a_stranger",
    "let_a_stranger_enter",
    "list_a_user_who_was_removed",
    "omit_a_user_who_entered",
)


def verdicts(result):
    """Return the verdicts of all checks but those whose evidence is not exported."""
    return {
        check["id"]: (check["verdict"], check["count"])
        for check in result["checks"]
        if check["id"] not in ("exit", "timestamps")
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
    run = written(story)
    again = imported_again(run, tmp_path)
    assert verdicts(judge(again)) == verdicts(judge(run))
    records = np.concatenate([np.fromfile(f, dtype=DTYPE) for f in again.history.glob("*.bin")])
    arrived = records[records["kind"] == Kind.ARRIVED]
    flags_and_missing = zip(arrived["flags"].tolist(), arrived["spare"].tolist(), strict=True)
    assert sorted(flags_and_missing) == [(0, 2), (Flag.ROOM_EVENT, 1)]
    sentences = [w["sentence"] for c in judge(again)["checks"] for w in c["witnesses"]]
    assert any("was held back behind position" in sentence for sentence in sentences)


def test_an_exported_run_keeps_all_that_is_known_of_a_page(tmp_path: Path, written, good_story):
    story = good_story(1)
    combinations = range(max(PageFlag) * 2)
    page = next(story.records[at] for at in story.at(Kind.PAGE) if story.records[at].link)
    story.records += [
        page._replace(spare=flags, t_ns=page.t_ns + 1 + flags) for flags in combinations
    ]
    story.reconcile()
    run = written(story)
    again = imported_again(run, tmp_path)
    assert set(flags_of_pages(again)) == set(combinations)
    assert flags_of_pages(again) == flags_of_pages(run)


def imported_again(run, folder):
    """Return the run that follows from the lines of another one."""
    file = folder / "export.jsonl"
    with file.open("w") as stream:
        export_lines(run, stream)
    return import_history(str(file), folder / "runs", [])


def flags_of_pages(run):
    """Return the flags of all pages, sorted."""
    records = np.concatenate([np.fromfile(f, dtype=DTYPE) for f in run.history.glob("*.bin")])
    return sorted(records["spare"][records["kind"] == Kind.PAGE].tolist())


def test_an_exported_run_keeps_requests_of_strangers_and_lists_of_rooms(
    tmp_path: Path, written, good_story, break_it
):
    """The numbers of users, rooms and connections are others, but all names are the same."""
    story = good_story(1)
    break_it("store_a_message_of_a_stranger", story)
    run = written(story)
    again = imported_again(run, tmp_path)

    def named(which):
        names = Names.read(which)
        records = np.concatenate([np.fromfile(f, dtype=DTYPE) for f in which.history.glob("*.bin")])
        found = []
        chosen = records[np.isin(records["kind"], (Kind.PROBE, Kind.ATTENDANCE))]
        chosen["ref_ns"] = chosen["t_ns"] - chosen["ref_ns"]
        chosen["t_ns"] -= chosen["t_ns"].min()  # the clocks begin at other times
        for row in chosen:
            is_probe = row["kind"] == Kind.PROBE
            about = bool(row["peer"] >= STRANGER_SSEQ) if is_probe else names.user(row["peer"])
            user = names.user(names.connections[int(row["link"])].user)
            fields = [int(row[key]) for key in ("kind", "t_ns", "ref_ns", "sseq", "seq", "spare")]
            found.append((*fields, names.conv(int(row["conv"])), user, about))
        return sorted(found)

    assert len(named(run)) > 100
    assert named(again) == named(run)
    (access,) = (check for check in judge(again)["checks"] if check["id"] == "access")
    (witness,) = access["witnesses"]
    assert witness["sentence"].startswith("A message that u0-8 sent to d.u0-1.u0-3 as a stranger")
    (message,) = witness["messages"]
    assert (message["id"], message["sender"]) == (f"u0-8/{STRANGER_SSEQ}", "u0-8")


def test_an_exported_run_keeps_what_accounts_outside_the_load_did(
    tmp_path: Path, written, good_story, break_it
):
    story = good_story(1)
    break_it("list_a_contact_of_others", story)
    run = written(story)
    again = imported_again(run, tmp_path)

    def named(which):
        names = Names.read(which)
        records = np.concatenate([np.fromfile(f, dtype=DTYPE) for f in which.history.glob("*.bin")])
        chosen = records[np.isin(records["kind"], (Kind.CONTACT, Kind.CONTACT_LIST))]
        chosen["ref_ns"] = chosen["t_ns"] - chosen["ref_ns"]
        chosen["t_ns"] -= chosen["t_ns"].min()
        return sorted(
            (
                *(int(row[key]) for key in ("t_ns", "kind", "ref_ns", "seq", "spare")),
                names.user(int(row["peer"])),
                names.user(int(row["sseq"])),
            )
            for row in chosen
        )

    assert len(named(run)) == 20
    assert named(again) == named(run)
    (contacts,) = (check for check in judge(again)["checks"] if check["id"] == "contacts")
    assert [witness["sentence"] for witness in contacts["witnesses"]] == [
        "The lists of b0-0 name accounts with which they never had to do."
    ]


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
