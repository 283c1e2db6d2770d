"""The lines of many runs can be told apart, and their names cover no panel."""

import json

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gauntlet.reports.render.charts import distribution, drawing, overlay


def line(name, seconds=30):
    return overlay.Line(
        name,
        {
            "second": list(range(seconds)),
            "acked": [100] * seconds,
            "delivery_p99_ms": [None, "inf", *([20.0] * (seconds - 2))],
        },
    )


ROW = {"p50": 2.0, "p90": 5.0, "p95": 6.0, "p99": 9.0, "p999": None, "max": "inf"}
NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize("count", [2, 10, 26])
@pytest.mark.parametrize("kind", ["overlay", "distribution"])
def test_the_legend_covers_no_panel(count, kind):
    with mpl.rc_context():
        mpl.rcParams.update(drawing.STYLE)
        if kind == "overlay":
            figure = overlay.draw([line(name) for name in NAMES[:count]], [], 1)
        else:
            figure = distribution.draw([(name, ROW) for name in NAMES[:count]])
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        (legend,) = figure.legends
        frame = legend.get_window_extent(renderer)
        assert not any(each.get_window_extent(renderer).overlaps(frame) for each in figure.axes)
        assert frame.x0 >= 0


def test_the_lines_of_twelve_runs_differ():
    looks = [json.dumps(distribution.look(index)) for index in range(12)]
    assert len(set(looks)) == 12


def test_faults_of_the_first_run_are_shaded():
    faults = [
        {"id": "x", "effective_at_s": 3.0, "healed_at_s": None},
        {"id": "y"},
    ]
    figure = overlay.draw([line("A"), line("B", 20)], faults, 1)
    assert [len(panel.patches) for panel in figure.axes] == [1, 1]
