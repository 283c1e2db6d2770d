"""The locustfile of the benchmarks: Gauntlet's, with the workloads of the benchmarks."""

from benchmarks import workloads
from gauntlet.scenarios.locust_plugin.entry import Member

workloads.register()

__all__ = ["Member"]
