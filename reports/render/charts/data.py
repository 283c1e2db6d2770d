"""What the charts of a run show, prepared once for the pictures and for the interactive charts."""

from dataclasses import dataclass, field
from typing import Any

from gauntlet.reports.render.charts import thinning, thresholds
from gauntlet.reports.render.charts.component_use import ComponentUse
from gauntlet.reports.render.charts.thresholds import Threshold


@dataclass(frozen=True)
class ChartData:
    """A result with a series that has few enough rows; each row is `step_s` seconds.

    `expected_s` has the time in which the service has to recover from each fault that limits it.
    `violations` are the times of the witnesses. `components` is what the components used in each
    second, not thinned.
    """

    result: dict[str, Any]
    series: dict[str, list[Any]]
    step_s: int
    thresholds: list[Threshold]
    violations: list[float]
    expected_s: dict[str, float]
    components: ComponentUse = field(default_factory=dict)

    @property
    def effective(self) -> list[dict[str, Any]]:
        """The faults that took effect."""
        return [each for each in self.result["faults"] if each["effective_at_s"] is not None]

    def limits(self, panel: str) -> list[Threshold]:
        """Return the limits that are drawn in a panel."""
        return [each for each in self.thresholds if each.panel == panel]


def build(
    result: dict[str, Any], manifest: dict[str, Any], components: ComponentUse | None = None
) -> ChartData:
    """Return the data of a run's charts; for a run without a series there are none to draw."""
    series = result["series"]
    step_s = thinning.step_of(len(series.get("second", [])))
    witnesses = [witness for check in result["checks"] for witness in check["witnesses"]]
    return ChartData(
        result=result,
        series=thinning.thin(series, step_s),
        step_s=step_s,
        thresholds=thresholds.find(result) if series else [],
        violations=sorted(
            witness["at_s"] for witness in witnesses if witness.get("at_s") is not None
        ),
        expected_s=_expected(manifest.get("scenario") or {}),
        components=components or {},
    )


def _expected(scenario: dict[str, Any]) -> dict[str, float]:
    found = {}
    for fault in scenario.get("faults") or []:
        within_s = (fault.get("expect") or {}).get("recover_within")
        if isinstance(within_s, int | float):
            found[str(fault["id"])] = float(within_s)
    return found
