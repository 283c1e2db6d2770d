"""The columns that are kept of a part, from which the metrics are computed when all are known."""

from dataclasses import dataclass

from gauntlet.core.history import Kind
from gauntlet.reports.history.arrays import Ints, Records, is_any
from gauntlet.reports.history.history import History
from gauntlet.reports.history.messages import MissedArrivals
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.indicators import resync, sends
from gauntlet.reports.metrics.overdue import SlowReturns, slow_returns
from gauntlet.reports.metrics.samples import Samples
from gauntlet.reports.metrics.slow_sends import SlowSends, slow_sends

ROOM_KINDS = (Kind.ROOM, Kind.ATTEND)


@dataclass(frozen=True)
class Columns:
    """The columns that are kept of a part; `rooms` are the records of stays in rooms.

    `acked_ns` and `arrivals` are None where no objective needs them.
    """

    ack: Samples
    service: Samples
    lag: Samples
    deliveries: Samples
    slow: SlowSends
    returns: SlowReturns
    missed: MissedArrivals
    acked_ns: Ints | None
    arrivals: resync.Arrivals | None
    rooms: Records


def columns_of(history: History, records: Records) -> Columns:
    """Return the columns of a part; `records` are those of its conversations."""
    indicators = {objective.indicator for objective in history.scenario.sla}
    return Columns(
        ack=latency.ack(history),
        service=latency.service(history),
        lag=latency.lag(history),
        deliveries=latency.delivery(history),
        slow=history.once(slow_sends),
        returns=history.once(slow_returns),
        missed=history.missed,
        acked_ns=sends.acked_times(history) if "acked_per_s" in indicators else None,
        arrivals=resync.arrivals(history) if "live_missed_ratio" in indicators else None,
        rooms=records[is_any(records["kind"], ROOM_KINDS)],
    )
