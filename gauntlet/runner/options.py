"""How to run a scenario, apart from what the scenario itself says."""

from dataclasses import dataclass, field
from pathlib import Path

from gauntlet.chaos.faults.targets import ProxyMode
from gauntlet.chaos.proxy_process import Backend
from gauntlet.runner.system_metrics.metrics_file import Metrics


@dataclass(frozen=True)
class Options:
    """The settings of one run.

    `own_load` is False if a Locust that started us generates the load: then the number of its
    processes is not known here. `allow_exec` lets the scenario run commands. The first
    `traced_users` users of each worker are traced. `labels` describe the system under test, and
    `metrics` are what it exports itself. With `server_python`, the reference server of the
    installation of that Python is booted.
    """

    out: Path = Path("runs")
    bug: str | None = None
    server_python: str | None = None
    proxy_mode: ProxyMode = "needed"
    proxy_backend: Backend = "auto"
    workers: int = 1
    own_load: bool = True
    allow_exec: bool = False
    traced_users: int = 0
    argv: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    metrics: Metrics | None = None
