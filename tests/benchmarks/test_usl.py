"""The campaign that examines the intervals of scaling fits."""

import msgspec

from benchmarks import usl
from gauntlet.campaigns import record_files


def test_intervals_cover_the_truth_as_often_as_promised():
    """A short version with other systems than those of the record."""
    records = [usl.examined(seed) for seed in range(1_001, 1_061)]
    of_all, of_told = usl.coverage(records)
    assert of_all >= usl.COVERED_MIN
    assert of_told >= usl.COVERED_MIN
    assert 0.5 < sum(not record.refused for record in records) / len(records) < 1


def test_the_committed_record_has_200_systems_and_keeps_the_promise():
    records = list(record_files.read(usl.RECORDS, usl.Record))
    assert len(records) == usl.SYSTEMS
    assert min(usl.coverage(records)) >= usl.COVERED_MIN


def test_the_committed_record_is_what_the_code_finds_today():
    found = {record.seed: record for record in record_files.read(usl.RECORDS, usl.Record)}
    for seed in (1, 77, 200):
        now, then = usl.examined(seed), found[seed]
        assert (now.covered, now.refused) == (then.covered, then.refused)
        assert abs(now.low - then.low) <= 0.01 * then.low


def test_coverage_counts_those_that_were_refused_apart():
    one = usl.examined(1)
    records = [
        msgspec.structs.replace(one, covered=True, refused=""),
        msgspec.structs.replace(one, covered=False, refused=""),
        msgspec.structs.replace(one, covered=True, refused="no knee"),
        msgspec.structs.replace(one, covered=True, refused="no knee"),
    ]
    assert usl.coverage(records) == (0.75, 0.5)
