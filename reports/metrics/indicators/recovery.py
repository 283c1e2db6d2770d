"""How long the service took to recover from a fault."""

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement
from gauntlet.reports.metrics.windows import Window


def _recovery(run: IndicatorInput, window: Window) -> Measurement:
    """Return the longest recovery of the window's fault, or of all faults in `steady` and `run`."""
    _, _, fault_id = window.name.partition(":")
    times_ms = []
    for fault in run.history.events.faults:
        if fault_id not in ("", fault.id):
            continue
        recovery = run.recoveries[fault.id]
        took_ms = recovery.took_ms(fault)
        if took_ms is None:
            return Measurement(
                None, 0, f"the recovery from fault {fault.id} is unknown ({recovery.unknown})"
            )
        times_ms.append(took_ms)
    if not times_ms:
        return Measurement(None, 0, "there was no fault")
    return Measurement(max(times_ms), len(times_ms))


INDICATORS = (
    Indicator(
        IndicatorKind("recovery_ms", "heal → recovered, the longest of the window"),
        _recovery,
    ),
)
