"""JSON that this program has not written ends every command on a run with a HistoryError.

`python -m benchmarks.fuzzing run-directory` found these.
"""

import io
import json

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.reports.comparison import compare
from gauntlet.reports.damage import as_history_error
from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.render.render import render_saved
from gauntlet.reports.verdict.judge import history_of, judge


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A judged run."""
    run = good_story(4, rate=8).write(tmp_path_factory.mktemp("good"))
    write_json(run.result, judge(run))
    return run


@pytest.fixture
def damaged(good, tmp_path):
    """Return a copy of the run with other values in a file."""

    def make(name, **changes):
        copy = tmp_path / good.path.name
        for file in (each for each in good.path.rglob("*") if each.is_file()):
            target = copy / file.relative_to(good.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
        value = json.loads((copy / name).read_text())
        write_json(copy / name, value | changes)
        return RunDir(copy)

    return make


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("manifest.json", {"versions": True}),
        ("manifest.json", {"proxy": "toxiproxy 2.12.0"}),
        ("result.json", {"faults": [{"id": [], "recovery_ms": 1}]}),
    ],
)
def test_runs_that_are_damaged_are_not_compared(good, damaged, name, changes):
    run = damaged(name, **changes)
    with pytest.raises(HistoryError, match=f"{run.path} cannot be compared") as caught:
        compare.compare(compare.load([good.path, run.path]))
    assert str(good.path) in str(caught.value)


def test_a_damaged_result_is_not_rendered(damaged):
    with pytest.raises(HistoryError, match=r"cannot be rendered, because .* \(\w+Error: "):
        render_saved(damaged("result.json", checks=7))


def test_a_damaged_manifest_is_neither_read_nor_exported(damaged):
    run = damaged("manifest.json", scenario={"name": 7})
    with pytest.raises(HistoryError, match="cannot be read"):
        history_of(run)
    with pytest.raises(HistoryError, match="cannot be exported"):
        export_lines(run, io.StringIO())


def test_other_errors_are_not_damage(tmp_path):
    with pytest.raises(OSError, match="full"), as_history_error([tmp_path], "read"):
        raise OSError("full")
