"""The records of fuzzers say where to continue, and the page says what was clean since when."""

import msgspec

from gauntlet.campaigns import fuzz_records, record_files
from gauntlet.campaigns.fuzz_records import Defect, FuzzRecord

DEFECT = Defect(7, "ValueError in scenarios/adapters/xmpp.py:_on_ack", "no `number`", 3)
RECORD = FuzzRecord(
    target="frames",
    seed=1,
    first=0,
    inputs=1000,
    seconds=60.0,
    cpu_s=30.0,
    defects=(),
    commit="abc",
    date="2026-01-01",
)


def record(**changes):
    return msgspec.structs.replace(RECORD, **changes)


def row(text, target):
    (found,) = [line for line in text.splitlines() if line.startswith(f"| `{target}` |")]
    return [cell.strip() for cell in found.strip("|").split("|")][2:]


def test_a_session_continues_after_the_inputs_of_its_seed_and_target():
    records = [RECORD, record(first=1000, inputs=5), record(target="http"), record(seed=2)]
    assert fuzz_records.next_input(records, "frames", 1) == 1005
    assert fuzz_records.next_input(records, "frames", 2) == 1000
    assert fuzz_records.next_input(records, "frames", 3) == 0


def test_only_what_follows_the_last_defect_of_a_target_is_clean():
    bad, good = record(first=1000, defects=(DEFECT,)), record(first=2000)
    assert fuzz_records.clean([RECORD, bad, good], "frames") == [good]
    assert fuzz_records.clean([RECORD, good, bad], "frames") == []
    assert fuzz_records.clean([RECORD, bad, record(target="http")], "http") == [
        record(target="http")
    ]


def test_the_page_counts_all_inputs_and_those_since_the_last_defect(tmp_path):
    file = tmp_path / "fuzz.jsonl"
    again = record(first=1000, defects=(DEFECT,)), record(first=2000, defects=(DEFECT,))
    for each in (RECORD, *again, record(first=3000, seconds=600.0)):
        record_files.append(file, each)
    text = fuzz_records.page(fuzz_records.read(file))
    assert row(text, "frames") == ["4,000", "13.0", "2.0", "1", "1,000", "10.0"]
    assert row(text, "proxy") == ["0", "0.0", "0.0", "0", "0", "0.0"]
    assert "Seeds: 1." in text
    _, item = text.split("\n- ")
    assert "input 7" in item
    assert "no 'number'" in " ".join(item.split())


def test_the_page_without_records_says_how_to_run_a_fuzzer():
    text = fuzz_records.page([])
    assert "python -m benchmarks.fuzzing frames" in text
    assert "Measured" not in text
