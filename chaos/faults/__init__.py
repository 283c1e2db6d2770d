"""The faults by the names that scenarios use: one file each.

To add a fault: a file, a line here, an entry in `gauntlet.core.scenario.catalog`, a test, and a
section in docs/reference/faults.md.
"""

from collections.abc import Callable

from gauntlet.chaos.faults.base import Fault
from gauntlet.chaos.faults.block import Block
from gauntlet.chaos.faults.broker_failure import BrokerFailure
from gauntlet.chaos.faults.crash_after_commit import CrashAfterCommit
from gauntlet.chaos.faults.cutover import Cutover
from gauntlet.chaos.faults.disconnect import Disconnect
from gauntlet.chaos.faults.flush import Flush
from gauntlet.chaos.faults.kill import Kill
from gauntlet.chaos.faults.latency import Latency
from gauntlet.chaos.faults.partition import Partition
from gauntlet.chaos.faults.pause import Pause
from gauntlet.chaos.faults.rolling_update import RollingUpdate
from gauntlet.chaos.faults.scale_in import ScaleIn
from gauntlet.chaos.faults.scale_out import ScaleOut
from gauntlet.chaos.faults.surge import Surge
from gauntlet.core.scenario.model import Fault as Spec

FAULTS: dict[str, Callable[[Spec], Fault]] = {
    "disconnect": Disconnect,
    "latency": Latency,
    "partition": Partition,
    "kill": Kill.from_spec,
    "pause": Pause,
    "broker-failure": BrokerFailure,
    "cutover": Cutover,
    "flush": Flush,
    "block": Block,
    "crash-after-commit": CrashAfterCommit,
    "scale-out": ScaleOut,
    "scale-in": ScaleIn,
    "rolling-update": RollingUpdate,
    "surge": Surge,
}
