"""The locustfile of the benchmarks: ours, with their workloads."""

from benchmarks import workloads
from scenarios.locust_bridge.entry import Member

workloads.register()

__all__ = ["Member"]
