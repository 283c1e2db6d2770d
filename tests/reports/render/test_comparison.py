"""The page of a comparison says whether runs can be compared, and shows them over each other."""

import json
import re
import sys

import pytest

from gauntlet.reports import formatting
from gauntlet.reports.comparison import compare
from gauntlet.reports.render import comparison

from ..comparison.compared_runs import save

HOSTILE = "<script>alert(1)</script>"


def page(tmp_path, *paths):
    runs = compare.load(paths)
    file = tmp_path / "page.html"
    comparison.write(file, compare.compare(runs), runs)
    return file.read_text()


def charts(text):
    return json.loads(re.search(r'id="chart-data">(.*?)</script>', text)[1])


def test_every_figure_has_its_difference_and_its_interval(tmp_path):
    text = page(tmp_path, save(tmp_path, "a"), save(tmp_path, "b", factor=1.5, seed=1))
    assert "B and A: Comparable" in text
    (found,) = compare.compare(compare.load([tmp_path / "a", tmp_path / "b"]))["comparisons"]
    for figure in found["differences"]:
        when = formatting.window(figure["window"])
        assert f"<small>{when} · <code>{figure['indicator']}</code></small>" in text
    assert "median time until acknowledged" in text
    assert "higher, worse" in text
    assert 'class="interval worse"' in text


def test_the_timelines_and_latencies_of_all_runs_are_drawn(tmp_path):
    paths = [save(tmp_path, name, seed=at) for at, name in enumerate("abc")]
    text = page(tmp_path, *paths)
    assert [line["name"] for line in charts(text)["charts"][0]["lines"]] == ["A", "B", "C"]
    assert len(re.findall(r'<svg role="img"', text)) == 3


def test_shorter_runs_end_without_a_value(tmp_path):
    text = page(tmp_path, save(tmp_path, "a"), save(tmp_path, "b", seconds=40))
    data = charts(text)
    a, b = data["charts"][0]["lines"]
    assert len(a["values"]) == len(b["values"]) == len(data["x"]) == 60
    assert b["values"][40:] == [None] * 20


@pytest.mark.parametrize(
    ("change", "headline", "reason"),
    [
        (lambda r: r.manifest["machine"].update(cores=8), "Not comparable", "cores 2 in A, 8 in B"),
        (lambda r: r.result["run"].update(seed=9), "with reservations", "The seeds differ"),
    ],
)
def test_what_stands_against_the_comparison_comes_first(tmp_path, change, headline, reason):
    text = page(tmp_path, save(tmp_path, "a"), save(tmp_path, "b", factor=2, change=change))
    first = text[text.index("<main>") : text.index('<section id="charts">')]
    assert headline in first
    assert reason in first


def test_the_banner_says_how_many_figures_are_worse(tmp_path):
    """That runs can be compared is no good news about the second."""
    text = page(tmp_path, save(tmp_path, "a"), save(tmp_path, "b", factor=1.5, seed=1))
    first = text[text.index("<main>") : text.index('<section id="charts">')]
    assert "Of 11 main figures, 4 are worse and none are better." in first
    assert '<span class="mark invalid">worse</span> delivery_p99_ms in steady load: higher' in first
    assert "<li>acked_per_s in steady load: no difference shown" in first


def test_what_changed_is_said_before_reservations_and_after_what_forbids_a_comparison(tmp_path):
    def reseed(run):
        run.result["run"].update(seed=9)

    def enlarge(run):
        run.manifest["machine"].update(cores=8)

    a = save(tmp_path, "a")
    text = page(tmp_path, a, save(tmp_path, "b", factor=2, change=reseed))
    assert text.index("main figures, ") < text.index(">worse<") < text.index("The seeds differ")
    text = page(tmp_path, a, save(tmp_path, "c", factor=2, change=enlarge))
    assert text.index("cores 2 in A, 8 in B") < text.index("delivery_p99_ms in steady load: ")


def test_figures_without_an_answer_are_last_and_no_alarm(tmp_path):
    def few(run):
        run.result["faults"].append({"id": "other", "recovery_ms": 100.0})

    pair = [save(tmp_path, name, change=few, seed=at) for at, name in enumerate("ab")]
    text = page(tmp_path, *pair)
    main = text[text.index('aria-label="Main figures') :].partition("</table>")[0]
    answers = re.findall(r'<span class="mark ([a-z-]+)">([^<]*)</span>', main)
    unknown = [text == "no interval" for _, text in answers]
    assert unknown == sorted(unknown)
    assert ("unknown", "no interval") not in answers


def test_the_heading_says_what_is_compared_with_what(tmp_path):
    paths = [save(tmp_path, name, seed=at) for at, name in enumerate("abc")]
    assert "<h1>B compared with A</h1>" in page(tmp_path, *paths[:2])
    assert "<h1>2 runs compared with A</h1>" in page(tmp_path, *paths)


def test_figures_that_cannot_be_compared_are_not_counted(tmp_path):
    def change(run):
        run.manifest["machine"].update(cores=8)

    text = page(tmp_path, save(tmp_path, "a"), save(tmp_path, "b", factor=2, change=change))
    assert "main figures, " not in text


def test_changed_verdicts_configuration_and_machine_are_listed(tmp_path):
    def change(run):
        run.result["checks"][0].update(verdict="invalid", count=3)
        run.manifest["machine"].update(memory_mb=4000)
        run.manifest["scenario"]["target"]["stack"] = "full"

    text = page(tmp_path, save(tmp_path, "a"), save(tmp_path, "b", change=change))
    rows = re.findall(r"<tr><th>([^<]*)</th><td>([^<]*)</td><td>([^<]*)</td></tr>", text)
    assert ("lost-acked", "valid", "invalid") in rows
    first = text[text.index("<main>") : text.index('<section id="charts">')]
    assert '<b>lost-acked</b>: valid in A, <span class="mark invalid">invalid</span> in B' in first
    assert ("machine.memory_mb", "8000", "4000") in rows
    assert ("target.stack", "embedded", "full") in rows


def test_hostile_texts_are_escaped(tmp_path):
    def change(run):
        run.result["run"]["scenario"] = HOSTILE
        run.result["faults"][0].update(id=HOSTILE, effective_at_s=1.0, healed_at_s=2.0)
        run.result["verdict"].update(status="inconclusive", reasons=[HOSTILE])
        run.manifest["scenario"]["target"]["stack"] = HOSTILE

    labelled = {"version": HOSTILE}
    a = save(tmp_path, "a", change=change, labelled=labelled)
    text = page(tmp_path, a, save(tmp_path, "b", change=change))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_a_run_without_a_series_is_compared_without_charts(tmp_path):
    def change(run):
        run.result["series"] = {}

    paths = [save(tmp_path, name, change=change) for name in "ab"]
    text = page(tmp_path, *paths)
    assert '<section id="charts">' not in text
    assert "<script" not in text
    assert "delivery_p99_ms" in text


def test_without_the_extra_the_page_has_all_figures_and_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = page(tmp_path, save(tmp_path, "a"), save(tmp_path, "b"))
    assert "im-gauntlet[charts]" in text
    assert "delivery_p99_ms" in text
    assert len(charts(text)["charts"]) == 3
