"""The workloads, by the names that scenarios use (`gauntlet.kernel.vocabulary.WORKLOADS`)."""

from scenarios.workloads.base import Workload
from scenarios.workloads.direct import Direct
from scenarios.workloads.group import Group
from scenarios.workloads.offline_catchup import OfflineCatchup
from scenarios.workloads.reconnect_storm import ReconnectStorm
from scenarios.workloads.slow_consumer import SlowConsumer

WORKLOADS: dict[str, type[Workload]] = {
    "direct": Direct,
    "group": Group,
    "offline_catchup": OfflineCatchup,
    "reconnect_storm": ReconnectStorm,
    "slow_consumer": SlowConsumer,
}
