"""The locustfile of the benchmarks: ours, with their workloads."""

from benchmarks import workloads
from gauntlet.scenarios.locust_plugin.entry import Member

workloads.register()

__all__ = ["Member"]
