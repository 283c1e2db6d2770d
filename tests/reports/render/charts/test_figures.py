"""The texts of a chart have room, although no layout is computed by drawing."""

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.reports.render.charts import data, drawing, figures
from gauntlet.reports.verdict.judge import judge

LONG = "a-partition-of-the-first-region"
MANIFEST = {"scenario": {"faults": [{"id": f"{LONG}-1", "expect": {"recover_within": 3.0}}]}}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A result with large numbers, and with faults in quick succession whose ids are long."""
    found = judge(good_story(1).write(tmp_path_factory.mktemp("run")))
    (fault, *_) = found["faults"]
    found["faults"] = [
        {**fault, "id": f"{LONG}-{number}", "effective_at_s": 8.0 + number / 10}
        for number in range(3)
    ]
    for name in ("sent", "acked", "delivered", "connections"):
        found["series"][name] = [10_000 * value for value in found["series"][name]]
    found["objectives"][0]["verdict"] = "invalid"
    return found


@pytest.fixture(params=figures.FIGURES)
def drawn(request, result):
    """A chart and what has drawn it."""
    with mpl.rc_context():
        mpl.rcParams.update(drawing.STYLE)
        figure = figures.FIGURES[request.param].draw(data.build(result, MANIFEST))
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas.get_renderer()


def test_no_text_is_cut_off(drawn):
    figure, renderer = drawn
    width_in, height_in = figure.get_size_inches()
    box = figure.get_tightbbox(renderer)
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width_in
    assert box.y1 <= height_in


def test_the_legend_covers_no_panel_and_no_label(drawn):
    figure, renderer = drawn
    (legend,) = figure.legends
    texts = [text for axes in figure.axes for text in axes.texts]
    covered = [*figure.axes, *texts]
    frame = legend.get_window_extent(renderer)
    assert not [each for each in covered if each.get_window_extent(renderer).overlaps(frame)]


def test_the_title_of_an_axis_covers_no_number(drawn):
    figure, renderer = drawn
    for axes in figure.axes:
        title = axes.yaxis.label.get_window_extent(renderer)
        low, high = axes.get_ylim()
        for number, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
            shown = min(low, high) <= number <= max(low, high)
            if axes.get_ylabel() and shown:
                assert not label.get_window_extent(renderer).overlaps(title)


def lines_of(name, result, manifest):
    """Return the labels of a chart's texts and lines."""
    figure = figures.FIGURES[name].draw(data.build(result, manifest))
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    names = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return texts, names


def test_the_limits_of_objectives_are_drawn_where_they_hold(result):
    figure = figures.FIGURES["latency"].draw(data.build(result, {}))
    delivery = figure.axes[1]
    segments = [tuple(line[0]) for each in delivery.collections for line in each.get_segments()]
    assert {height for _, height in segments} == {500.0, 5000.0}
    texts, _ = lines_of("latency", result, {})
    assert {"p99 < 500 ms", "p99 < 5 s"} <= set(texts)


def test_the_time_allowed_for_a_recovery_is_drawn(result):
    assert "longest time allowed" in lines_of("recovery", result, MANIFEST)[1]
    assert "longest time allowed" not in lines_of("recovery", result, {})[1]


def test_violations_are_marked_on_the_timeline(result):
    check = {**result["checks"][0], "witnesses": [{"sentence": "x", "at_s": 9.0}]}
    assert "violation" in lines_of("timeline", {**result, "checks": [check]}, {})[1]
    assert "violation" not in lines_of("timeline", {**result, "checks": []}, {})[1]


def test_eight_hours_are_drawn_with_few_points(result):
    seconds = 28_800
    series = {
        name: (column * (seconds // len(column) + 1))[:seconds]
        for name, column in result["series"].items()
    }
    long = {**result, "series": {**series, "second": list(range(seconds))}}
    for name in ("timeline", "latency"):
        _, markup = figures.draw(data.build(long, {}), name)
        assert len(markup) < 400_000
        assert "each point stands for 29 s" in markup
