"""The locustfile of the benchmarks: ours, with their workloads."""

from benchmarks import workloads
from scenarios.locust_bridge.entry import VirtualUser

workloads.register()

__all__ = ["VirtualUser"]
