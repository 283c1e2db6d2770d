"""The workloads, by the names that scenarios use (`gauntlet.core.scenario.catalog.WORKLOADS`)."""

from gauntlet.scenarios.workloads.base import Workload
from gauntlet.scenarios.workloads.direct import Direct
from gauntlet.scenarios.workloads.group import Group
from gauntlet.scenarios.workloads.offline_catchup import OfflineCatchup
from gauntlet.scenarios.workloads.reconnect_storm import ReconnectStorm
from gauntlet.scenarios.workloads.slow_consumer import SlowConsumer

WORKLOADS: dict[str, type[Workload]] = {
    "direct": Direct,
    "group": Group,
    "offline_catchup": OfflineCatchup,
    "reconnect_storm": ReconnectStorm,
    "slow_consumer": SlowConsumer,
}
