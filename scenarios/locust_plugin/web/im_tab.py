"""The IM tab of Locust's web UI: figures, latencies over time, faults, and exact CSV files.

Locust's own tabs can only hold a table. The IM tab is a page of a Flask blueprint. A short script,
added to Locust's page in the documented way, shows it below the tabs.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request, send_file
from locust.env import Environment
from locust.runners import STATE_STOPPED

from gauntlet.core.errors import ConfigError, HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import Scenario
from gauntlet.scenarios import library
from gauntlet.scenarios.locust_plugin import scenario_defaults
from gauntlet.scenarios.locust_plugin.runtime import csv_export
from gauntlet.scenarios.locust_plugin.runtime.statistics import Statistics
from gauntlet.scenarios.locust_plugin.web import limits
from gauntlet.scenarios.locust_plugin.web.fault_intervals import FaultIntervals

PAGE = Path(__file__).with_name("page")
_TAB_SCRIPT = b'<script src="./im/tab.js" defer></script></body>'
_EXPORTS = {
    "latency.csv": ("Download exact latencies CSV", csv_export.latency_csv),
    "seconds.csv": ("Download CSV of every second", csv_export.seconds_csv),
}


def install(
    environment: Environment, statistics: Statistics, worker_count: Callable[[], int]
) -> None:
    """Add the tab, its page and its exports; do nothing if there is no web UI."""
    web_ui: Any = environment.web_ui
    if web_ui is None or web_ui.app is None:
        return
    web_ui.template_args.update(
        extended_tabs=[{"title": "IM", "key": "im"}],
        extended_csv_files=[
            {"href": f"./im/{name}", "title": title} for name, (title, _) in _EXPORTS.items()
        ],
    )
    routes = _Routes(environment, statistics, worker_count)
    base = getattr(environment.parsed_options, "web_base_path", None) or ""
    blueprint = Blueprint("im", __name__, url_prefix=f"{base}/im", static_folder=None)
    for rule, route in (
        ("/", routes.page),
        ("/<any('im.js', 'im.css', 'tab.js'):name>", routes.asset),
        ("/live.json", routes.live),
        ("/<any('latency.csv', 'seconds.csv'):name>", routes.export),
        ("/report", routes.report),
        ("/scenario.json", routes.scenario),
    ):
        blueprint.add_url_rule(rule, view_func=web_ui.auth_required_if_enabled(route))
    web_ui.app.register_blueprint(blueprint)
    web_ui.app.after_request(_add_tab_script)


def _add_tab_script(response: Response) -> Response:
    """Add the script that shows the IM tab to Locust's own page."""
    if request.endpoint == "locust.index" and response.mimetype == "text/html":
        response.set_data(response.get_data().replace(b"</body>", _TAB_SCRIPT))
    return response


class _Routes:
    """The responses of the blueprint's routes."""

    def __init__(
        self, environment: Environment, statistics: Statistics, worker_count: Callable[[], int]
    ) -> None:
        self._runner: Any = environment.runner
        self._statistics = statistics
        self._worker_count = worker_count
        self._fault_intervals: tuple[Path, FaultIntervals] | None = None

    def page(self) -> Response:
        """The page itself."""
        return self.asset("im.html")

    def asset(self, name: str) -> Response:
        """A file of the page."""
        return send_file(PAGE / name)

    def export(self, name: str) -> Response:
        """One of the exact tables, as a download."""
        _, table = _EXPORTS[name]
        disposition = {"Content-Disposition": f"attachment;filename=gauntlet_{name}"}
        return Response(table(self._statistics.series), mimetype="text/csv", headers=disposition)

    def report(self) -> Response:
        """The report of the run; 404 as long as there is none."""
        load = self._statistics.load
        if load is None or not load.run.report.exists():
            abort(404)
        return send_file(load.run.report.absolute())

    def scenario(self) -> Response:
        """What the start form begins with for a scenario; 404 if there is none of that `name`."""
        try:
            found = library.find(request.args.get("name", ""))
        except ConfigError as error:
            abort(404, str(error))
        users = found.load.users
        spawn_rate = round(users / scenario_defaults.ramp_s(found), 3)
        return jsonify({"users": users, "spawn_rate": spawn_rate})

    def live(self) -> Response:
        """The data of the page: all points, or those from `since` on if it knows this `run`."""
        load, series = self._statistics.load, self._statistics.series
        if load is None:
            return jsonify({"run": None})
        known = request.args.get("run") == load.run.id
        since = request.args.get("since", 0, type=int) if known else 0
        scenario = load.scenario
        return jsonify(
            {
                "run": load.run.id,
                "scenario": scenario.name,
                "stack": scenario.target.stack,
                "seed": scenario.seed,
                "duration_s": scenario.load.duration_s,
                "lag_budget_ms": scenario.load.lag_budget_ms,
                "phase": "ended" if self._runner.state == STATE_STOPPED else series.phase,
                "audited": series.phase == "audit",
                "workers": [series.reporting(), self._worker_count()],
                "points": series.since(since),
                "faults": self._faults(load.run, scenario, series.zero_ns),
                "limits": limits.chart_limits(scenario),
                "verdict": _verdict(load.run),
                "report": load.run.report.exists(),
            }
        )

    def _faults(self, run: RunDir, scenario: Scenario, zero_ns: int | None) -> list[dict[str, Any]]:
        journal = run.events / "chaos.jsonl"
        if self._fault_intervals is None or self._fault_intervals[0] != journal:
            self._fault_intervals = (journal, FaultIntervals(journal, scenario.faults))
        return [] if zero_ns is None else self._fault_intervals[1].read(zero_ns)


def _verdict(run: RunDir) -> str | None:
    try:
        return str(run.read_result()["verdict"]["status"]) if run.result.exists() else None
    except (HistoryError, KeyError):
        return None
