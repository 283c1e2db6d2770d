"""The texts of a chart have room, although no layout is computed by drawing."""

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.reports.render import plots
from gauntlet.reports.verdict.judge import judge

LONG = "a-partition-of-the-first-region"


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
    return found


@pytest.fixture(params=plots.FIGURES)
def drawn(request, result):
    """A chart and what has drawn it."""
    with mpl.rc_context():
        mpl.rcParams.update(plots.STYLE)
        figure = plots.FIGURES[request.param](result)
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
