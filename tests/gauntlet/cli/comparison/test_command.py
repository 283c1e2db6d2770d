"""`gauntlet compare` in the terminal and as JSON."""

import json
import re

import pytest

from gauntlet.cli.main import main
from gauntlet.core.errors import Exit

from ....reports.comparison.compared_runs import save


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


def test_the_terminal_shows_what_is_worse_and_what_changed(tmp_path, capsys):
    a = save(tmp_path, "a", labelled={"version": "1"})
    b = save(tmp_path, "b", factor=2, labelled={"version": "2"})
    assert main(["compare", str(a), str(b)]) == Exit.OK
    text = capsys.readouterr().out
    assert "B and A: ✔ comparable" in text
    (row,) = (line for line in text.splitlines() if line.startswith(" delivery_p99_ms"))
    assert "× 2" in row
    assert row.rstrip().endswith("higher, worse")
    assert "delivery_p90_ms" not in text
    assert "label.version" in text
    assert main(["compare", "--all", str(a), str(b)]) == Exit.OK
    assert "delivery_p90_ms" in capsys.readouterr().out


@pytest.mark.parametrize("columns", ["80", "40"])
def test_a_narrow_terminal_shows_every_figure_whole(tmp_path, capsys, monkeypatch, columns):
    def lose(run):
        run.result["counts"].update(missing=300)

    a, b = save(tmp_path, "a"), save(tmp_path, "b", factor=2, change=lose)
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["compare", str(a), str(b)]) == Exit.OK
    text = capsys.readouterr().out
    cut = text.replace(" … ", "").replace(" …\n", "\n").replace(" … \n", "\n")
    assert not re.search(r"\w…", cut)
    if columns == "80":
        for part in ("delivery_p99_ms", "acked_per_s", "higher, worse", "from 0", "(0."):
            assert part in text


@pytest.mark.parametrize("columns", [80, 120])
def test_no_name_and_no_factor_is_broken(tmp_path, capsys, monkeypatch, columns):
    """A name that goes on in the next line can neither be read nor be copied."""

    def rename(run):
        run.result["faults"][0].update(id="messages-killed")
        run.result["counts"].update(missing=300)

    a, b = save(tmp_path, "a", change=rename), save(tmp_path, "b", factor=1.07, change=rename)
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["compare", str(a), str(b)]) == Exit.OK
    text = capsys.readouterr().out
    assert " missing_deliveries_ratio " in text
    assert " fault:messages-killed " in text
    assert re.search(r"× 1\.07 +\(?\d\.\d+ … \d", text)
    assert not [line for line in text.splitlines() if line.rstrip().endswith("…")]


def test_what_forbids_a_comparison_is_wrapped_below_its_first_word(tmp_path, capsys, monkeypatch):
    def end(run):
        run.result["verdict"].update(status="inconclusive", reasons=["It is not known. " * 9])

    a, b = save(tmp_path, "a"), save(tmp_path, "b", change=end)
    monkeypatch.setenv("COLUMNS", "80")
    main(["compare", str(a), str(b)])
    first, second = capsys.readouterr().out.partition("  ! B is")[2].splitlines()[:2]
    assert first
    assert second.startswith("    ")
    assert second[4] != " "


def test_columns_of_changes_have_the_names_of_the_runs(tmp_path, capsys):
    paths = [str(save(tmp_path, name, labelled={"version": name})) for name in "abc"]
    main(["compare", *paths])
    found = re.findall(r"changed configuration +(\w) +(\w)", capsys.readouterr().out)
    assert found == [("A", "B"), ("A", "C")]


def test_runs_that_are_not_comparable_exit_with_inconclusive_and_nothing_is_worse(tmp_path, capsys):
    a = save(tmp_path, "a")
    b = save(tmp_path, "b", factor=2, change=lambda r: r.manifest["machine"].update(cores=8))
    assert main(["compare", str(a), str(b)]) == Exit.INCONCLUSIVE
    text = capsys.readouterr().out
    assert "✘ not comparable" in text
    assert "worse" not in text


def test_json_has_the_runs_and_each_comparison(tmp_path, capsys):
    paths = [str(save(tmp_path, name, seed=at)) for at, name in enumerate("abc")]
    assert main(["compare", "--json", *paths]) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert [run["path"] for run in found["runs"]] == paths
    assert len(found["comparisons"]) == 2


def test_hostile_texts_of_a_run_neither_control_the_terminal_nor_are_markup(tmp_path, capsys):
    def change(run):
        run.manifest["scenario"]["target"]["stack"] = "\x1b]0;x\x07[red]x[/red]"
        run.result["verdict"].update(status="inconclusive", reasons=["\x1b[31m[/]"])

    a, b = save(tmp_path, "a"), save(tmp_path, "b", change=change)
    assert main(["compare", str(a), str(b)]) == Exit.OK
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "[red]x[/red]" in text


def test_a_missing_run_is_bad_usage(tmp_path, capsys):
    assert main(["compare", str(save(tmp_path, "a")), str(tmp_path / "no")]) == Exit.CONFIG
    assert "is not a run directory" in capsys.readouterr().err


def test_a_page_is_written_beside_what_is_printed(tmp_path, capsys):
    a, b = save(tmp_path, "a"), save(tmp_path, "b", factor=2)
    file = tmp_path / "page.html"
    assert main(["compare", str(a), str(b), "--html", str(file)]) == Exit.OK
    assert "delivery_p99_ms" in capsys.readouterr().out
    assert "B and A: Comparable" in file.read_text()
    assert file.with_suffix(".css").exists()


@pytest.mark.parametrize("name", ["page.css", "page", "missing/page.html"])
def test_a_page_that_cannot_be_written_is_a_wrong_option(tmp_path, capsys, name):
    a, b = save(tmp_path, "a"), save(tmp_path, "b")
    assert main(["compare", str(a), str(b), "--html", str(tmp_path / name)]) == Exit.CONFIG
    assert "--html" in capsys.readouterr().err
