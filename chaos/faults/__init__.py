"""The faults by the names that scenarios use: one file each, which also describes the fault.

To add a fault: a file, its test, and a line here; then `make docs`. See
docs/howto/write-a-plug-in.md.
"""

from gauntlet.chaos.faults.bandwidth import Bandwidth
from gauntlet.chaos.faults.base import Fault
from gauntlet.chaos.faults.blackhole import Blackhole
from gauntlet.chaos.faults.block import Block
from gauntlet.chaos.faults.broker_failure import BrokerFailure
from gauntlet.chaos.faults.certificate_expiry import CertificateExpiry
from gauntlet.chaos.faults.client_pause import ClientPause
from gauntlet.chaos.faults.clock_skew import ClockSkew
from gauntlet.chaos.faults.clock_step import ClockStep
from gauntlet.chaos.faults.command import Command
from gauntlet.chaos.faults.connection_churn import ConnectionChurn
from gauntlet.chaos.faults.cpu_limit import CpuLimit
from gauntlet.chaos.faults.crash_after_commit import CrashAfterCommit
from gauntlet.chaos.faults.cutover import Cutover
from gauntlet.chaos.faults.descriptor_limit import DescriptorLimit
from gauntlet.chaos.faults.disconnect import Disconnect
from gauntlet.chaos.faults.disk_alarm import DiskAlarm
from gauntlet.chaos.faults.disk_error import DiskError
from gauntlet.chaos.faults.disk_full import DiskFull
from gauntlet.chaos.faults.disk_read_only import DiskReadOnly
from gauntlet.chaos.faults.disk_slow_fsync import DiskSlowFsync
from gauntlet.chaos.faults.drop import Drop
from gauntlet.chaos.faults.failover import Failover
from gauntlet.chaos.faults.flush import Flush
from gauntlet.chaos.faults.half_open import HalfOpen
from gauntlet.chaos.faults.kill import Kill
from gauntlet.chaos.faults.latency import Latency
from gauntlet.chaos.faults.limit_data import LimitData
from gauntlet.chaos.faults.lock_table import LockTable
from gauntlet.chaos.faults.memory_limit import MemoryLimit
from gauntlet.chaos.faults.memory_pressure import MemoryPressure
from gauntlet.chaos.faults.observed import Observed
from gauntlet.chaos.faults.oom_kill import OomKill
from gauntlet.chaos.faults.packet_loss import PacketLoss
from gauntlet.chaos.faults.partition import Partition
from gauntlet.chaos.faults.pause import Pause
from gauntlet.chaos.faults.power_loss import PowerLoss
from gauntlet.chaos.faults.queue_delete import QueueDelete
from gauntlet.chaos.faults.read_only import ReadOnly
from gauntlet.chaos.faults.refuse import Refuse
from gauntlet.chaos.faults.reorder import Reorder
from gauntlet.chaos.faults.reset import Reset
from gauntlet.chaos.faults.restart import Restart
from gauntlet.chaos.faults.rolling_update import RollingUpdate
from gauntlet.chaos.faults.scale_in import ScaleIn
from gauntlet.chaos.faults.scale_out import ScaleOut
from gauntlet.chaos.faults.slicer import Slicer
from gauntlet.chaos.faults.slow_close import SlowClose
from gauntlet.chaos.faults.slow_start import SlowStart
from gauntlet.chaos.faults.stall import Stall
from gauntlet.chaos.faults.surge import Surge
from gauntlet.chaos.faults.terminate_backends import TerminateBackends

_REGISTERED: tuple[type[Fault], ...] = (
    Disconnect,
    Reset,
    Latency,
    Bandwidth,
    Slicer,
    Stall,
    Partition,
    Blackhole,
    HalfOpen,
    Refuse,
    Drop,
    LimitData,
    SlowClose,
    Kill,
    Pause,
    Restart,
    PowerLoss,
    SlowStart,
    OomKill,
    CpuLimit,
    MemoryPressure,
    DescriptorLimit,
    PacketLoss,
    Reorder,
    DiskFull,
    DiskReadOnly,
    DiskSlowFsync,
    DiskError,
    ClockStep,
    ClockSkew,
    CertificateExpiry,
    BrokerFailure,
    Cutover,
    Flush,
    ClientPause,
    MemoryLimit,
    QueueDelete,
    ConnectionChurn,
    Block,
    DiskAlarm,
    TerminateBackends,
    LockTable,
    ReadOnly,
    Failover,
    CrashAfterCommit,
    ScaleOut,
    ScaleIn,
    RollingUpdate,
    Surge,
    Command,
    Observed,
)

FAULTS: dict[str, type[Fault]] = {fault.kind.name: fault for fault in _REGISTERED}
