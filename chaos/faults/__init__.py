"""The faults: one file each, named here as scenarios name them."""

from collections.abc import Callable

from chaos.faults.base import Fault
from chaos.faults.block import Block
from chaos.faults.broker_failure import broker_failure
from chaos.faults.crash_after_commit import CrashAfterCommit
from chaos.faults.cutover import Cutover
from chaos.faults.disconnect import Disconnect
from chaos.faults.flush import Flush
from chaos.faults.kill import Kill
from chaos.faults.latency import Latency
from chaos.faults.partition import Partition
from chaos.faults.pause import Pause
from chaos.faults.rolling_update import RollingUpdate
from chaos.faults.scale_in import ScaleIn
from chaos.faults.scale_out import ScaleOut
from chaos.faults.surge import Surge
from gauntlet.kernel.scenario import Fault as Spec

FAULTS: dict[str, Callable[[Spec], Fault]] = {
    "disconnect": Disconnect,
    "latency": Latency,
    "partition": Partition,
    "kill": Kill.of,
    "pause": Pause,
    "broker-failure": broker_failure,
    "cutover": Cutover,
    "flush": Flush,
    "block": Block,
    "crash-after-commit": CrashAfterCommit,
    "scale-out": ScaleOut,
    "scale-in": ScaleIn,
    "rolling-update": RollingUpdate,
    "surge": Surge,
}
