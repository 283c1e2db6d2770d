"""The benchmark of the judge generates correct histories, and judges each row."""

from pathlib import Path

import pytest

from benchmarks import judge as bench
from benchmarks.histories import Size, generate
from gauntlet.reports.verdict.judge import judge

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("size", "conversations"),
    [
        (Size.of(3_000, members=3, workers=2), 5),
        (Size.of(2_000, solo=True), 1),
    ],
    ids=["rooms", "solo"],
)
def test_a_generated_history_passes_with_what_it_was_made_of(tmp_path, size, conversations):
    result = judge(generate(tmp_path / "run", size))
    assert result["verdict"]["status"] == "pass", result["verdict"]
    assert result["counts"]["conversations"] == conversations
    assert result["counts"]["expected"] == result["counts"]["presented"] == size.deliveries
    examined = {check["id"]: check["examined"] for check in result["checks"]}
    assert examined["undelivered"] == examined["wire-order"] == size.deliveries
    assert not {check["verdict"] for check in result["checks"]} & {"invalid", "unknown"}


def test_the_same_seed_gives_the_same_history(tmp_path):
    size = Size.of(500)
    first, again, other = (
        generate(tmp_path / name, size, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )

    def shards(run):
        return [file.read_bytes() for file in sorted(run.history.iterdir())]

    assert shards(first) == shards(again) != shards(other)


def test_a_row_is_measured_and_printed(capsys):
    assert bench.main(["--only", "million", "--deliveries", "1000"]) == 0
    (line,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith("million ")]
    assert "1,000 deliveries" in line
    assert "CPU-s" in line
    assert line.endswith("a delivery")


def test_a_row_for_which_the_disk_has_too_little_space_is_extrapolated(monkeypatch, capsys):
    monkeypatch.setattr(bench, "fits", lambda _folder, deliveries: deliveries < 10**6)
    bench.main(["--only", "million"])
    shown = capsys.readouterr()
    assert "million: not measured" in shown.out + shown.err
    assert "\nmillion " not in shown.out


def test_what_a_history_needs_on_the_disk_fits_with_a_fifth_to_spare(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 96_001})()
    monkeypatch.setattr(bench.shutil, "disk_usage", lambda _folder: usage)
    assert bench.fits(tmp_path, 1_000)
    assert not bench.fits(tmp_path, 1_001)


def test_the_rows_of_records_come_first(capsys):
    bench.main(["--only", "million", "--deliveries", "1000"])
    names = [line.split(" ", 1)[0] for line in capsys.readouterr().out.splitlines()]
    assert names[1:5] == ["bugs", "alarms", "mutants", "million"]


def test_a_row_that_is_not_measured_is_extrapolated_from_the_largest_of_its_kind():
    small = bench.Measured(1.0, 2.0, 50.0, "pass")
    large = bench.Measured(11.0, 22.0, 250.0, "pass")
    measured = {"million": (10**6, small), "ten-million": (10**7, large)}
    (row,) = bench.extrapolated(measured)
    assert row.name == "hundred-million"
    assert row.measured == "110.0 s, 220.0 CPU-s, 2,500 MB; extrapolated from ten-million"
    assert row.met is None


def test_what_every_start_takes_is_extrapolated_only_once():
    start = bench.Measured(1.0, 2.0, 50.0, "pass")
    large = bench.Measured(11.0, 22.0, 250.0, "pass")
    measured = {"tour": (50_000, start), "ten-million-solo": (10**7 + 50_000, large)}
    (row,) = bench.extrapolated(measured)
    assert row.name == "hundred-million-solo"
    assert row.measured.startswith("100.9 s, 201.9 CPU-s, 2,049 MB")
    assert not list(bench.extrapolated({"tour": (50_000, start)}))


@pytest.mark.parametrize(("wall_s", "met"), [(0.9, True), (1.1, False)])
def test_a_tour_has_a_target_for_its_time_alone(wall_s, met):
    row = bench.row("tour", 50_000, bench.Measured(wall_s, 1.0, 150.0, "pass"))
    assert (row.met, row.target) == (met, "≤ 1 s")


def test_large_histories_have_few_rooms_and_several_workers():
    size = Size.of(10**8)
    assert (size.conversations, size.members, size.workers) == (2_000, 5, 20)
    assert size.conversations * size.members * size.messages == 10**8
    assert Size.of(10**6) == Size(10**6, 5, 1_000, 200, 1)


def test_the_documentation_describes_every_row():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    assert not [name for name in bench.ROWS if f"| {name} |" not in page]
