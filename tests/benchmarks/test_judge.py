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


def test_the_documentation_describes_every_row():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    assert not [name for name in bench.ROWS if f"| {name} |" not in page]
