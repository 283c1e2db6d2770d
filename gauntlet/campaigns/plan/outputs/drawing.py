"""The charts of the page, as SVG made of numbers and escaped texts."""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from gauntlet.campaigns.plan.model import Change, Headroom, Plan, StormPlan
from gauntlet.campaigns.plan.outputs import text
from gauntlet.campaigns.plan.outputs.text import number
from gauntlet.reports.formatting import same_decimals

_WIDTH, _HEIGHT = 520, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 16, 40
_BAR_WIDTH = 200
_LABEL_PX = 16
# Wider than the plot, so that a line which leaves it is seen to do so.
_MONTHS_MAX = 120


def back_curve(storm: StormPlan) -> Markup:
    """Return the share of lost clients that are back, over time."""
    last = storm.curve[-1][0] if storm.curve else 0.0
    if last <= 0:
        return Markup("")
    scale = Scale(last, 1.0)
    steps = ["0,0", *(f"{at},{share}" for at, share in storm.curve)]
    points = " ".join(scale.point(*map(float, step.split(","))) for step in steps)
    body = [
        scale.frame([(0.0, "0 s"), (last, f"{number(last)} s")]),
        *(scale.level(share, f"{100 * share:.0f} %") for share in (0.5, 0.99)),
        Markup('<polyline class="line" points="{}"/>').format(points),
    ]
    return svg(body, f"Share of the lost clients that are back, over {number(last)} s.")


def growth_curve(plan: Plan) -> Markup:
    """Return the demand over the months, and what the nodes carry."""
    growth = next(each.value for each in plan.inputs if each.name == "growth_per_month")
    months = next(each.value for each in plan.inputs if each.name == "months")
    factor = plan.headroom.factor
    low, high = factor.low, factor.high
    if not isinstance(growth, int | float) or not isinstance(months, int | float) or growth <= 0:
        return Markup("")
    if not (isinstance(low, float) and isinstance(high, float)):
        return Markup("")
    end = min(_MONTHS_MAX, max(months * 1.25, 1.1 * math.log(high) / math.log1p(growth)))
    top = 1.1 * max(high, (1 + growth) ** end)
    scale = Scale(end, top)
    steps = [end * at / 60 for at in range(61)]
    points = " ".join(scale.point(at, (1 + growth) ** at) for at in steps)
    body = [
        scale.frame([(0.0, "today"), (months, f"{number(months)} months")]),
        scale.band(low, high),
        scale.level(1.0, "1 ×"),
        *_band_labels(scale, low, high),
        Markup('<polyline class="line" points="{}"/>').format(points),
        *_end_of_headroom(scale, plan.headroom, growth),
    ]
    about = f"Demand grows; the nodes carry {number(low)} to {number(high)} times that of today."
    return svg(body, about)


def _band_labels(scale: "Scale", low: float, high: float) -> Iterator[Markup]:
    """Yield the ends of what the nodes carry; the lower one alone if they have no room."""
    texts = same_decimals(number(low), number(high))
    apart = scale.y(low) - scale.y(high) >= _LABEL_PX
    named = list(zip((low, high), texts, strict=True))
    for factor, name in named if apart else named[:1]:
        yield scale.level(factor, f"{name} ×")


def _end_of_headroom(scale: "Scale", headroom: Headroom, growth: float) -> Iterator[Markup]:
    """Yield a dot where the demand reaches what the nodes carry, with the day."""
    factor, high, ends = headroom.factor.value, headroom.factor.high, headroom.ends
    if not isinstance(factor, float) or not isinstance(high, float) or factor <= 1:
        return
    x, y, top = scale.x(math.log(factor) / math.log1p(growth)), scale.y(factor), scale.y(high)
    yield Markup('<circle class="dot" cx="{}" cy="{}" r="4"/>').format(x, y)
    # Left of the line, which rises, and above the band.
    yield Markup('<text class="at" x="{}" y="{}" text-anchor="end">{}</text>').format(
        x - 8, top - 6, text.value(ends)
    )


def bar(change: Change, changes: Sequence[Change], base: float) -> Markup:
    """Return the bar of one input in the tornado, on the scale of all of them."""
    ends = [float(end) for each in changes for end in (each.nodes_lower, each.nodes_higher)]
    finite = [end for end in ends if math.isfinite(end)]
    least, most = min([*finite, base]), max([*finite, base])
    span = (most - least) or 1.0

    def at(nodes: float) -> float:
        return round(_BAR_WIDTH * (min(nodes, most) - least) / span, 1)

    one, other = sorted((at(float(change.nodes_lower)), at(float(change.nodes_higher))))
    return Markup(
        '<svg class="bar" viewBox="0 0 {0} 14" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="{1}" y="2" width="{2}" height="10"/>'
        '<line x1="{3}" y1="0" x2="{3}" y2="14"/></svg>'
    ).format(_BAR_WIDTH, one, max(1.0, other - one), at(base))


class Scale:
    """Turns values into places of a chart."""

    def __init__(self, right: float, top: float) -> None:
        self._right, self._top = right, top

    def x(self, value: float) -> float:
        """Return the place of a value on the horizontal axis."""
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * value / self._right, 1)

    def y(self, value: float) -> float:
        """Return the place of a value on the vertical axis."""
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / self._top, 1)

    def point(self, x: float, y: float) -> str:
        """Return both places of a point."""
        return f"{self.x(x)},{self.y(y)}"

    def frame(self, ticks: Sequence[tuple[float, str]]) -> Markup:
        base = _HEIGHT - _BOTTOM
        parts = [
            Markup('<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                _LEFT, base, _WIDTH - _RIGHT, base
            )
        ]
        for value, label in ticks:
            anchor = "end" if value > 0.8 * self._right else "middle" if value else "start"
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
                    self.x(value), base + 22, anchor, label
                )
            )
        return Markup("").join(parts)

    def level(self, value: float, label: str) -> Markup:
        y = self.y(value)
        return Markup(
            '<line class="level" x1="{0}" y1="{1}" x2="{2}" y2="{1}"/>'
            '<text x="{3}" y="{4}" text-anchor="end">{5}</text>'
        ).format(_LEFT, y, _WIDTH - _RIGHT, _LEFT - 6, y + 5, label)

    def band(self, low: float, high: float) -> Markup:
        return Markup('<rect class="band" x="{}" y="{}" width="{}" height="{}"/>').format(
            _LEFT,
            self.y(high),
            _WIDTH - _LEFT - _RIGHT,
            max(1.5, round(self.y(low) - self.y(high), 1)),
        )


def svg(body: Sequence[Markup], about: str) -> Markup:
    """Return a chart with a description for those who do not see it."""
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDTH, _HEIGHT, escape(about), Markup("").join(body))
