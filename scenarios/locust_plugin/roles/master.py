"""The role of a Locust master: its workers carry the load, and it adds up what they report."""

from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

from gauntlet.core.errors import Exit
from gauntlet.scenarios.distributed import worker_identity
from gauntlet.scenarios.locust_plugin.roles.coordinator import MasterCoordinator
from gauntlet.scenarios.locust_plugin.roles.lifecycle import RunLifecycle
from gauntlet.scenarios.locust_plugin.runtime.statistics import SECOND_MESSAGE, SecondReport

_QUIT_DELAY_S = 1.0


class MasterRole(RunLifecycle):
    """Begins and drains the load on all workers, and shows the sum of their seconds."""

    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        super().__init__(environment)
        identity = worker_identity.of_this_process(self._scenario())
        self._coordinator = MasterCoordinator(environment, runner, identity, self._quit_with)
        runner.register_message(SECOND_MESSAGE, self._on_second)

    def _begin(self, file: Path) -> int:
        return self._coordinator.begin(
            file,
            self._options.expect_workers,
            self._private,
            share=self._options.im_share_secrets,
        )

    def _has_ended(self) -> bool:
        return self._coordinator.all_lost

    def _drain(self, *, ended_early: bool) -> set[Exit]:
        codes = self._coordinator.drain()
        if ended_early and self._options.headless:
            gevent.spawn_later(_QUIT_DELAY_S, self._runner.quit)
        self._statistics.write_merged_histograms()
        return codes

    def _abort(self) -> None:
        """Note why Locust ends, if all workers were refused: a worker ends its part by itself."""
        if self._coordinator.all_refused:
            self._exit_codes.add(Exit.CONFIG)

    def _worker_count(self) -> int:
        count: int = self._runner.worker_count
        return count

    def _on_second(self, environment: Environment, msg: Any, **_: Any) -> None:
        report = SecondReport.unpack(msg.data)
        self._statistics.add(report, self._coordinator.ahead_ns(int(report.row["worker"])))
        self._coordinator.write_live_row(report.row)
