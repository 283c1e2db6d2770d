"""The faults: one file each, named here as scenarios name them."""

from collections.abc import Callable

from chaos.faults.base import Fault
from chaos.faults.broker_failure import broker_failure
from chaos.faults.cutover import Cutover
from chaos.faults.disconnect import Disconnect
from chaos.faults.kill import Kill
from chaos.faults.latency import Latency
from chaos.faults.partition import Partition
from chaos.faults.pause import Pause
from gauntlet.kernel.scenario import Fault as Spec

FAULTS: dict[str, Callable[[Spec], Fault]] = {
    "disconnect": Disconnect,
    "latency": Latency,
    "partition": Partition,
    "kill": Kill.of,
    "pause": Pause,
    "broker-failure": broker_failure,
    "cutover": Cutover,
}
