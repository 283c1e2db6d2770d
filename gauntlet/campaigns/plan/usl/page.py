"""The page of a fit: the data, the curve with its band, and the answer."""

from collections.abc import Sequence

from markupsafe import Markup

from gauntlet.campaigns.plan.outputs import page
from gauntlet.campaigns.plan.outputs.drawing import Scale, svg
from gauntlet.campaigns.plan.outputs.text import number
from gauntlet.campaigns.plan.usl.report import Point, ScalingReport


def document(found: ScalingReport) -> str:
    """Return the page."""
    template = page.environment().get_template("scaling.html")
    return template.render(found=found, style=page.style(), chart=chart(found))


def chart(found: ScalingReport) -> Markup:
    """Return the data and the fit; what is extrapolated is dashed."""
    right = max(point.n for point in [*found.points, *found.curve])
    top = 1.1 * max(
        max(point.measured or 0.0, point.fitted) for point in [*found.points, *found.curve]
    )
    scale = Scale(right, top)
    near = [point for point in found.curve if not point.extrapolated]
    far = [near[-1], *(point for point in found.curve if point.extrapolated)]
    body = [
        scale.frame([(0.0, "0"), (found.measured_to, f"n = {number(found.measured_to)}")]),
        scale.level(top / 1.1, number(top / 1.1)),
        _band(found.curve, scale, top),
        _line(near, scale, "line"),
        _line(far, scale, "line far-line") if len(far) > 1 else Markup(""),
        *(
            Markup('<circle class="dot" cx="{}" cy="{}" r="4"/>').format(
                scale.x(point.n), scale.y(point.measured or 0.0)
            )
            for point in found.points
        ),
    ]
    return svg(body, f"Throughput over n, measured up to {number(found.measured_to)}.")


def _line(points: Sequence[Point], scale: Scale, kind: str) -> Markup:
    places = " ".join(scale.point(point.n, point.fitted) for point in points)
    return Markup('<polyline class="{}" points="{}"/>').format(kind, places)


def _band(points: Sequence[Point], scale: Scale, top: float) -> Markup:
    upper = [scale.point(point.n, min(point.high, top)) for point in points]
    lower = [scale.point(point.n, point.low) for point in reversed(points)]
    return Markup('<polygon class="band" points="{}"/>').format(" ".join([*upper, *lower]))
