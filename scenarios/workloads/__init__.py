"""The workloads by the names that scenarios use: one file each, which also describes the workload.

A workload decides who talks with whom, and which users are offline on purpose. To add one: a file,
its test, and a line here; then `make docs`. See docs/howto/write-a-plug-in.md.
"""

from gauntlet.scenarios.workloads.base import Workload
from gauntlet.scenarios.workloads.direct import Direct
from gauntlet.scenarios.workloads.group import Group
from gauntlet.scenarios.workloads.member_changes import MemberChanges
from gauntlet.scenarios.workloads.offline_catchup import OfflineCatchup
from gauntlet.scenarios.workloads.reconnect_storm import ReconnectStorm
from gauntlet.scenarios.workloads.slow_consumer import SlowConsumer

_REGISTERED: tuple[type[Workload], ...] = (
    Direct,
    Group,
    MemberChanges,
    OfflineCatchup,
    ReconnectStorm,
    SlowConsumer,
)

WORKLOADS: dict[str, type[Workload]] = {workload.kind.name: workload for workload in _REGISTERED}
