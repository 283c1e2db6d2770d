"""Impossible times are errors of the harness with a cause, and correct histories have none."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import MS, ZERO, S
from gauntlet.core.history import Channel, Kind
from gauntlet.reports.history.records import read_records
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.history.times.order import descents, disorder
from gauntlet.reports.verdict.judge import judge


def reasons(result):
    """Return the reasons of a run that has to be an error of the harness without checks."""
    assert result["verdict"]["exit_code"] == 3
    assert result["checks"] == []
    (reason,) = result["verdict"]["reasons"]
    return reason


def rewrite(run, name, change):
    """Apply a function to the list of the packed records of a shard."""
    shard = run.history / name
    packed = shard.read_bytes()
    rows = [packed[at : at + 40] for at in range(0, len(packed), 40)]
    shard.write_bytes(b"".join(change(rows)))


def moved(row, by_ns):
    """Return a packed record with another time."""
    return (int.from_bytes(row[:8], "little") + by_ns).to_bytes(8, "little") + row[8:]


def swap(rows):
    """Exchange two neighbours in the middle that have different times."""
    at = next(at for at in range(len(rows) // 2, len(rows)) if rows[at][:8] != rows[at + 1][:8])
    return [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]


def step(by_ns):
    """Return a function that moves the second half of a shard in time."""
    return lambda rows: [
        row if at < len(rows) // 2 else moved(row, by_ns) for at, row in enumerate(rows)
    ]


def test_exchanged_records_of_a_shard_are_named(written):
    run = written(good_story(1))
    rewrite(run, "w0-g1.bin", swap)
    assert "history shard w0-g1.bin is not in the order of time" in reasons(judge(run))


def test_a_clock_that_went_back_is_named_as_that(written):
    run = written(good_story(1))
    for name in ("w0-g1.bin", "w0-g2.bin", "w0-g3.bin"):
        rewrite(run, name, step(-5 * S))
    reason = reasons(judge(run))
    assert "the clock of worker 0 went back by" in reason
    assert "during the run" in reason


@pytest.mark.parametrize("by_s", [100, 3])
def test_a_clock_that_went_forward_is_named(written, by_s):
    run = written(good_story(1))
    for shard in run.history.glob("*.bin"):
        rewrite(run, shard.name, step(by_s * S))
    reason = reasons(judge(run))
    assert "later than the end of the recording" in reason
    assert "a clock stepped during the run, or a shard belongs to another run" in reason


def test_the_shards_of_an_earlier_run_are_named(written):
    run = written(good_story(1))
    for shard in run.history.glob("*.bin"):
        rewrite(run, shard.name, lambda rows: [moved(row, -300 * S) for row in rows])
    assert "before it began" in reasons(judge(run))


@pytest.mark.parametrize("kind", [Kind.DELIVER, Kind.ARRIVED])
def test_a_message_that_is_shown_before_it_was_sent_is_named(judged, kind):
    story = good_story(1)
    (index,) = story.at(Kind.DELIVER, flags=Channel.LIVE)[20:21]
    story.change(index, t_ns=story.records[index].t_ns - S, kind=kind)
    assert "1 delivery was recorded before the message was first sent" in reasons(judged(story))


@pytest.mark.parametrize("kind", [Kind.RECEIVE, Kind.ARRIVED])
def test_a_push_on_a_connection_that_has_ended_is_named(judged, kind):
    story = good_story(1)
    old = story.links[min(number for number, link in story.links.items() if link.code == 1006)]
    index = story.at(Kind.DELIVER, flags=Channel.LIVE)[-1]
    record = story.records[index]
    story.records.append(record._replace(kind=kind, link=old.number, t_ns=record.t_ns + S))
    assert "after the connection had ended" in reasons(judged(story))


def test_a_page_may_come_after_the_connection_of_its_reader_has_ended(judged):
    story = good_story(1)
    old = story.links[min(number for number, link in story.links.items() if link.code == 1006)]
    record = story.records[story.at(Kind.DELIVER, flags=Channel.LIVE)[-1]]
    copy = record._replace(kind=Kind.RECEIVE, link=old.number, flags=Channel.HISTORY)
    story.records.append(copy._replace(t_ns=record.t_ns + S))
    assert judged(story)["verdict"]["reasons"] == []


def test_a_push_before_its_connection_is_named(judged):
    story = good_story(1)
    late = story.links[max(number for number, link in story.links.items() if link.incarnation > 1)]
    own = [at for at in story.at(Kind.DELIVER) if story.links[story.records[at].link].up < late.up]
    story.records.append(story.records[own[0]]._replace(link=late.number))
    assert "before the connection was established" in reasons(judged(story))


@pytest.mark.parametrize(
    ("leads_ms", "error_ms", "named"),
    [((5, 5.4), 0.1, False), ((5, 1_005), 0.1, True), ((5, 1_005), 600, False)],
)
def test_a_worker_whose_clock_moves_against_the_masters_is_named(
    written, leads_ms, error_ms, named
):
    story = good_story(1)
    run = written(story)
    rows = "".join(
        f'{{"t_ns":{ZERO + at * S},"kind":"clock","worker":0,'
        f'"offset_ns":{int(lead * MS)},"error_ns":{int(error_ms * MS)}}}\n'
        for at, lead in zip((0, 30), leads_ms, strict=True)
    )
    (run.events / "master.jsonl").write_text(rows)
    reasons_found = judge(run)["verdict"]["reasons"]
    moved_clock = [reason for reason in reasons_found if "the clock of worker 0 moved" in reason]
    assert bool(moved_clock) == named


def test_the_clocks_of_two_hosts_may_be_wrong_by_their_error(written):
    """Deliveries before the first attempt are possible within the error of both clocks."""
    story = good_story(1)
    (index,) = story.at(Kind.DELIVER, flags=Channel.LIVE)[20:21]
    early = 40 * MS
    story.change(index, t_ns=story.records[index].t_ns - early)
    run = written(story)
    assert "before the message was first sent" in reasons(judge(run))
    row = f'{{"t_ns":{ZERO},"kind":"clock","worker":0,"offset_ns":0,"error_ns":{30 * MS}}}\n'
    (run.events / "master.jsonl").write_text(row)
    assert judge(run)["checks"]


def test_equal_times_are_in_order(written):
    run = written(good_story(1))
    names = sorted(shard.name for shard in run.history.glob("*.bin"))
    rows = [{"records": {name: (run.history / name).stat().st_size // 40 for name in names}}]
    records = read_records(run, rows, (), ClockAlignment())
    assert not disorder(
        {"w0-g0.bin": descents([records[:0]]), "w0-g1.bin": descents([records[:1].repeat(2)])}
    )
