"""The page of the campaigns."""

import msgspec

from benchmarks.resilience import page, records
from benchmarks.resilience.records import DeathRecord, EnduranceRecord, Evidence, KillsRecord
from benchmarks.resilience.storm_bugs import Search
from gauntlet.campaigns.storm.campaign import Outcome
from gauntlet.campaigns.storm.campaign import Record as StormRecord

EVIDENCE = Evidence(commit="abc", date="2026-11-30", load=0.5)
KILLS = KillsRecord(
    stack="embedded", seed=1, bug="", seconds=60.0,
    disruptions={"kill": {"broker": 3}, "pause": {"gateway-1": 2}},
    acked=1200, refused=0, unanswered=0, received=5000, connections=90, complete=True,
    violations={"lost": 0}, evidence=EVIDENCE,
)  # fmt: skip
DEATH = DeathRecord(
    scenario="faults", seed=1, stack="full", phase="load", after_s=3.0, faults=("kill",),
    acting=("kill", "command"), before={"processes": 9, "stopped": 1}, left=(), recover_code=0,
    recover_s=4.0, evidence=EVIDENCE,
)  # fmt: skip
PASSED = Outcome(0, "", (), "runs/1")
FAILED = Outcome(1, "lost-acked: 2 messages", ("lost-acked",), "runs/2")
STORM = StormRecord(
    scenario="storm", seed=1, minutes=1.0, stack="embedded", bug="", commit="abc",
    faults=("f1-kill: kill edge at 8 s for 1 s",), outcome=PASSED,
)  # fmt: skip


def test_the_committed_page_is_that_of_the_committed_records():
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.page(records.ROOT), "run: python -m benchmarks.resilience page"


def test_kills_are_added_up_by_stack():
    again = msgspec.structs.replace(KILLS, seed=2)
    row = page.kills_part([KILLS, again]).splitlines()[2]
    assert row.startswith("| `embedded` | 2 | 6 | 0 | 4 | 2,400 | 10,000 | 0 |")


def test_a_run_with_a_violation_is_named():
    broken = msgspec.structs.replace(
        KILLS, violations={"lost": 2}, examples=("lost: m1 of ann is not in r.x",)
    )
    assert "seed 1: lost: m1 of ann" in page.kills_part([broken])
    assert "seed 1" not in page.kills_part([KILLS])


def test_a_run_with_a_seeded_bug_is_counted_apart():
    bug = msgspec.structs.replace(KILLS, bug="bug", violations={"lost": 2})
    text = page.kills_part([KILLS, bug])
    assert "1 of 1 runs found violations" in text
    assert "| `embedded` | 1 |" in text


def test_runs_with_a_seeded_bug_may_be_the_only_ones():
    text = page.kills_part([msgspec.structs.replace(KILLS, bug="bug", violations={"lost": 2})])
    assert text.startswith("There are no records yet.\n\nThe clients notice")
    assert "1 of 1 runs found violations" in text


def test_what_a_death_left_is_named():
    assert "2 of" in page.deaths_part([DEATH])
    left = msgspec.structs.replace(DEATH, left=("a file: data",), recover_code=6)
    text = page.deaths_part([DEATH, left])
    assert "exit 6; a file: data" in text
    assert "| `faults` | `full` | 0 | 2 | 0 | 2 | 18 | 2 | 1 | 4 s |" in text


def test_the_last_record_of_a_storm_counts():
    red = msgspec.structs.replace(STORM, outcome=FAILED)
    assert "| `embedded` | 1 | 1 | 1 | 1 | 0 | 0 |" in page.storms_part([red, STORM])
    assert "exit 1: lost-acked: 2 messages" in page.storms_part([STORM, red])


def test_a_search_shows_in_how_many_storms_a_bug_was_found():
    red = msgspec.structs.replace(STORM, outcome=FAILED)
    text = page.bugs_part([Search("late", (STORM, red)), Search("never", (STORM,) * 3)])
    assert "| `late` | found | 2 | `lost-acked` |" in text
    assert "| `never` | not found | 3 | – |" in text


def test_a_measurement_that_failed_says_why():
    record = EnduranceRecord(
        name="churn", stack="full", seconds=600.0, figures={"keys left": 2.0}, held=False,
        failures=("2 keys are left",), evidence=EVIDENCE,
    )  # fmt: skip
    assert "`churn` on `full`, 600 s: failed: 2 keys are left. keys left: 2." in (
        page.endurance_part([record]).replace("\n  ", " ")
    )


def test_a_figure_that_was_rounded_to_zero_has_no_sign():
    record = EnduranceRecord(
        name="churn", stack="full", seconds=600.0, figures={"growth": -0.0}, held=True,
        failures=(), evidence=EVIDENCE,
    )  # fmt: skip
    assert "held. growth: 0." in page.endurance_part([record])
