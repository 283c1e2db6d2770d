"""The files of a gate."""

import msgspec

from gauntlet.campaigns.gate.outcome import Gate
from gauntlet.campaigns.gate.outputs import writing
from gauntlet.campaigns.gate.outputs.page import Link

from ..example import gate, run
from .example import FAILED, compared


def test_the_result_can_be_read_again(tmp_path):
    made = gate(comparisons=(compared(),), verdict=FAILED)
    writing.write(made, tmp_path)
    assert msgspec.json.decode((tmp_path / "gate.json").read_bytes(), type=Gate) == made
    written = {file.name for file in tmp_path.iterdir()}
    assert written == {
        "gate.json", "gate.html", "gate.css", "junit.xml", "summary.md", "comment.md",
        "benchmark.json",
    }  # fmt: skip


def folder_of(path, *names):
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_text("x")
    return str(path)


def test_the_page_leads_to_what_each_run_wrote(tmp_path):
    folder = tmp_path / "gate"
    complete = folder_of(folder / "runs" / "a #1" / "id", "report.html", "output.txt")
    failed = folder_of(folder / "runs" / "b", "output.txt")
    empty = folder_of(folder / "runs" / "c")
    elsewhere = folder_of(tmp_path / "d", "report.html")
    runs = [run(path=path) for path in (complete, failed, empty, elsewhere)]
    assert writing.links(gate(runs=tuple(runs)), folder) == {
        complete: Link("runs/a%20%231/id/report.html", True),
        failed: Link("runs/b/output.txt", False),
    }


def test_the_style_beside_the_page_is_the_same(tmp_path):
    writing.write(gate(), tmp_path)
    assert (tmp_path / "gate.css").read_text() in (tmp_path / "gate.html").read_text()
