"""What one worker recorded is judged although the part of another one is damaged."""

import json

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import lose_the_tail
from gauntlet.core.history import RECORD, RECORD_BYTES, Kind, Record, shard_name, user_shard_name
from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.reports.verdict.judge import judge

NO_USER = (Kind.PROBE, Kind.PAGE, Kind.GAP, Kind.HEAD)


def moved(record):
    """Return a record as worker 1 would have written it."""
    fields = ["conv", "link", *(() if record.kind in NO_USER else ("peer",))]
    if record.kind in (Kind.CONTACT, Kind.CONTACT_LIST):  # `sseq` is the other account
        fields.append("sseq")
    if record.kind == Kind.NAMED:  # the server assigned other ids to other messages
        record = record._replace(ref_ns=record.ref_ns + 1)
    changed = {name: getattr(record, name) + NUMBERS_PER_WORKER for name in fields}
    return record._replace(
        **{name: value for name, value in changed.items() if value > NUMBERS_PER_WORKER}
    )


def two_workers(run):
    """Add a second worker to a run, which recorded the same in conversations of its own."""
    (rows,) = [
        [json.loads(line) for line in file.read_text().splitlines()]
        for file in run.events.glob("load-0.jsonl")
    ]
    declared = next(row for row in rows if row["kind"] == "reconciliation")["records"]
    second = {}
    groups = {shard_name(0, conv): shard_name(1, conv) for conv in range(4)}
    for name in declared:
        other = groups.get(name, user_shard_name(1))
        data = (run.history / name).read_bytes()
        parts = (data[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES))
        records = [Record._make(RECORD.unpack(part)) for part in parts]
        (run.history / other).write_bytes(b"".join(moved(record).pack() for record in records))
        second[other] = len(records)
    (run.events / "load-1.jsonl").write_text(
        "".join(
            json.dumps(row | ({"worker": 1, "records": second} if "worker" in row else {})) + "\n"
            for row in rows
        )
    )
    joined = [
        {"t_ns": 1, "kind": "worker", "worker": at, "host": "h", "pid": at, "step": "joined",
         "message": "joined"}
        for at in (0, 1)
    ]  # fmt: skip
    (run.events / "load-master.jsonl").write_text("".join(json.dumps(row) + "\n" for row in joined))
    names = []
    for line in run.links.read_text().splitlines():
        row = json.loads(line)
        for key in ("user", "account", "conv", "link"):
            if key in row:
                row[key] += NUMBERS_PER_WORKER
        if "members" in row:
            row["members"] = [member + NUMBERS_PER_WORKER for member in row["members"]]
        if "name" in row:
            row["name"] = row["name"].replace("u0-", "u1-")
        names.append(json.dumps(row) + "\n")
    with run.links.open("a") as stream:
        stream.writelines(names)
    return run


@pytest.fixture
def run(written):
    """A run of two workers in which nothing is wrong."""
    return two_workers(written(good_story(1)))


def test_both_workers_are_judged_while_both_are_whole(run):
    result = judge(run)
    assert result["verdict"]["status"] == "pass", result["verdict"]
    assert [worker["state"] for worker in result["workers"]] == ["whole", "whole"]


def truncate(file):
    file.write_bytes(file.read_bytes()[:-13])


def overwrite(file):
    data = bytearray(file.read_bytes())
    data[4000:4400] = bytes(range(200)) * 2
    file.write_bytes(data)


def exchange(file):
    """Replace the file by one of the other worker with as many records."""
    other = file.with_name("w0-g1.bin")
    file.write_bytes(other.read_bytes())


def remove(file):
    file.unlink()


def link_away(file):
    file.rename(file.with_suffix(".old"))
    file.symlink_to(file.with_suffix(".old"))


@pytest.mark.parametrize("damage", [truncate, overwrite, exchange, remove, link_away])
def test_the_other_worker_is_judged_and_nothing_is_valid(run, damage):
    damage(run.history / "w1-g1.bin")
    result = judge(run)
    assert result["verdict"]["exit_code"] == 3
    (reason, *_) = result["verdict"]["reasons"]
    assert reason.startswith("The history of worker 1 is damaged: ")
    assert "w1-g1.bin" in reason
    assert "\n" not in reason
    assert [worker["state"] for worker in result["workers"]] == ["whole", "lost"]
    checks = {check["id"]: check for check in result["checks"]}
    assert {check["verdict"] for check in checks.values()} <= {"unknown", "not-applicable"}
    assert "For the other workers: 0 of " in checks["lost-acked"]["sentence"]


def test_a_violation_that_the_whole_worker_recorded_is_found(written):
    story = good_story(1)
    lose_the_tail(story)
    story.reconcile()
    run = two_workers(written(story))
    before = {check["id"]: check for check in judge(run)["checks"]}["lost-acked"]
    truncate(run.history / "w1-g1.bin")
    result = judge(run)
    after = {check["id"]: check for check in result["checks"]}["lost-acked"]
    assert (before["count"], after["count"]) == (2, 1)
    assert (after["verdict"], result["verdict"]["status"]) == ("invalid", "fail")


def test_nothing_is_judged_if_no_worker_is_whole(run):
    for name in ("w0-g0.bin", "w1-g1.bin"):
        truncate(run.history / name)
    result = judge(run)
    assert result["verdict"]["status"] == "error"
    assert result["checks"] == []
