"""What the committed records say of the judge's verdicts, as rows of `make bench-judge`."""

from pathlib import Path

from benchmarks.table import Row
from gauntlet.campaigns.scorecard import campaign, mutation
from gauntlet.campaigns.scorecard.page import judged, share
from gauntlet.campaigns.scorecard.trials import Part

RECORDS = Path(__file__).parent / "records"
NAMED_MIN = 0.95
CLEAN_RUNS_MIN = 300


def record_rows(folder: Path = RECORDS) -> list[Row]:
    """Return the rows on detection, false alarms and mutants."""
    return [_bugs(folder), _alarms(folder), _mutants(folder)]


def _bugs(folder: Path) -> Row:
    found = judged(campaign.read(folder / "scorecard.jsonl").of_part(Part.BUGS))
    named, missed = sum(each.named for each in found), sum(each.bad for each in found)
    return Row(
        "bugs",
        "servers with a seeded bug: the run fails, with the right name first",
        f"{share(named, len(found))}, {missed} missed" if found else "no records",
        "≥ 95 %, none missed",
        met=bool(not missed and named >= NAMED_MIN * len(found)) if found else None,
    )


def _alarms(folder: Path) -> Row:
    records = campaign.read(folder / "scorecard.jsonl")
    found = judged([*records.of_part(Part.CORRECT), *records.of_part(Part.CLEAN)])
    alarms = sum(each.bad for each in found)
    enough = len(found) >= CLEAN_RUNS_MIN
    return Row(
        "alarms",
        "correct histories, and clean runs under faults",
        f"{alarms} alarms in {len(found)}",
        f"0 alarms in {CLEAN_RUNS_MIN}",
        # Too few runs without an alarm prove neither.
        met=not alarms if alarms or enough else None,
    )


def _mutants(folder: Path) -> Row:
    killed, tested = mutation.score(folder / "mutation.jsonl")
    return Row(
        "mutants",
        "mutants of the judge that are not equivalent: killed by the tests",
        f"{killed:,} of {tested:,}" if tested else "no records",
        "100 %",
        met=killed == tested if tested else None,
    )
