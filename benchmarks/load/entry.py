"""The locustfile of the benchmarks: ours, with their workload."""

from benchmarks.echo_adapter import WORKLOAD, Alone
from scenarios.locust_bridge.entry import VirtualUser
from scenarios.workloads import WORKLOADS

WORKLOADS[WORKLOAD] = Alone

__all__ = ["VirtualUser"]
