"""The picture of what the components used."""

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.reports.render.charts import components, data, drawing
from gauntlet.reports.verdict.judge import judge


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The chart of twelve components and four measures, and what has drawn it."""
    result = judge(good_story(1).write(tmp_path_factory.mktemp("run")))
    seconds = len(result["series"]["second"])
    names = [f"a-component-with-a-name-{number}" for number in range(12)]
    column = [None, *[12_345_678.0] * (seconds - 1)]
    measures = ("component_cores", "component_rss_bytes", "database_bytes", "component_connections")
    use = {measure: dict.fromkeys(names, column) for measure in measures}
    with mpl.rc_context():
        mpl.rcParams.update(drawing.STYLE)
        figure = components.draw(data.build(result, {}, use))
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas.get_renderer()


def test_no_text_is_cut_off(drawn):
    figure, renderer = drawn
    box = figure.get_tightbbox(renderer)
    width_in, height_in = figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width_in
    assert box.y1 <= height_in


def test_names_cover_no_panel_and_no_title(drawn):
    figure, renderer = drawn
    frames = [axes.get_legend().get_window_extent(renderer) for axes in figure.axes]
    for axes in figure.axes:
        covered = [axes.patch, axes.xaxis.label, *axes.get_xticklabels()]
        for frame in frames:
            assert not [
                each for each in covered if each.get_window_extent(renderer).overlaps(frame)
            ]


def test_the_lines_of_fifteen_components_differ():
    looks = [str(components.look(style)) for style in (None, *range(15))]
    assert len(set(looks)) == 16


def test_each_panel_shades_the_faults(drawn):
    figure, _ = drawn
    assert all(len(axes.patches) == 1 for axes in figure.axes)
    assert len(figure.axes) == 4


def test_the_markup_says_what_it_shows(tmp_path):
    result = judge(good_story(1).write(tmp_path))
    use = {"component_cores": {"edge-1": [1.0] * len(result["series"]["second"])}}
    svg = components.markup(data.build(result, {}, use))
    assert svg.startswith('<svg role="img" aria-label="What each component of the system used')
    assert "edge-1" in svg
