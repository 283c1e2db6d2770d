"""The bars of faults and recoveries."""

import pytest

from gauntlet.reports.render.charts import recovery
from gauntlet.reports.render.charts.data import ChartData


def fault(name, active_s, recovery_ms):
    times = {"effective_at_s": 5.0, "healed_at_s": 5.0 + active_s}
    return {"id": name, "recovery_ms": recovery_ms, **times}


@pytest.mark.parametrize(
    ("faults", "allowed"),
    [
        ([fault("to-green", 4.0, 0.0)], {}),
        ([fault("to-green", 4.0, 2100.0), fault("cut", 1.0, "inf")], {}),
        ([fault("cut", 0.0, 0.0)], {}),
        ([fault("cut", 1.0, 0.0)], {"cut": 20.0}),
    ],
)
def test_the_text_beside_the_longest_bar_is_inside_the_picture(faults, allowed):
    data = ChartData({"faults": faults}, {}, 1, [], [], allowed)
    figure = recovery.draw(data)
    figure.canvas.draw()
    (panel,) = figure.axes
    for text in panel.texts:
        assert text.get_window_extent().x1 <= figure.bbox.x1, text.get_text()
