"""The IM tab of Locust's web UI: figures, latencies over time, faults; and exact exports.

Locust's own tabs can hold a table only. Ours is a page of a Flask blueprint, which a script of
a few lines, added to Locust's page as Locust's documentation adds things, shows below the tabs.
"""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request, send_file
from locust.env import Environment
from locust.runners import STATE_STOPPED, MasterRunner

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios.locust_plugin.runtime import csv_export
from gauntlet.scenarios.locust_plugin.runtime.statistics import Statistics
from gauntlet.scenarios.locust_plugin.web.fault_bands import Bands

PAGE = Path(__file__).with_name("page")
_FRAME_SCRIPT = b'<script src="./im/tab.js" defer></script></body>'
_EXPORTS = {
    "latency.csv": ("Download exact latencies CSV", csv_export.latency_csv),
    "seconds.csv": ("Download CSV of every second", csv_export.seconds_csv),
}


def install(environment: Environment, statistics: Statistics) -> None:
    """Add the tab, its page and its exports; without a web UI there is nothing to do."""
    web_ui: Any = environment.web_ui
    if web_ui is None or web_ui.app is None:
        return
    web_ui.template_args.update(
        extended_tabs=[{"title": "IM", "key": "im"}],
        extended_csv_files=[
            {"href": f"./im/{name}", "title": title} for name, (title, _) in _EXPORTS.items()
        ],
    )
    view = _View(environment, statistics)
    base = getattr(environment.parsed_options, "web_base_path", None) or ""
    blueprint = Blueprint("im", __name__, url_prefix=f"{base}/im", static_folder=None)
    for rule, answer in (
        ("/", view.page),
        ("/<any('im.js', 'im.css', 'tab.js'):name>", view.asset),
        ("/live.json", view.live),
        ("/<any('latency.csv', 'seconds.csv'):name>", view.export),
        ("/report", view.report),
    ):
        blueprint.add_url_rule(rule, view_func=web_ui.auth_required_if_enabled(answer))
    web_ui.app.register_blueprint(blueprint)
    web_ui.app.after_request(_frame)


def _frame(response: Response) -> Response:
    """Have Locust's own page show ours in the tab."""
    if request.endpoint == "locust.index" and response.mimetype == "text/html":
        response.set_data(response.get_data().replace(b"</body>", _FRAME_SCRIPT))
    return response


class _View:
    """What the routes answer."""

    def __init__(self, environment: Environment, statistics: Statistics) -> None:
        self._runner: Any = environment.runner
        self._statistics = statistics
        self._bands: tuple[Path, Bands] | None = None

    def page(self) -> Response:
        """The page itself."""
        return self.asset("im.html")

    def asset(self, name: str) -> Response:
        """A file of the page."""
        return send_file(PAGE / name)

    def export(self, name: str) -> Response:
        """One of the exact tables, to be saved."""
        _, table = _EXPORTS[name]
        disposition = {"Content-Disposition": f"attachment;filename=gauntlet_{name}"}
        return Response(table(self._statistics.board), mimetype="text/csv", headers=disposition)

    def report(self) -> Response:
        """The report of the run, once there is one."""
        load = self._statistics.load
        if load is None or not load.run.report.exists():
            abort(404)
        return send_file(load.run.report.absolute())

    def live(self) -> Response:
        """What the page draws: all points, or those of the `run` it knows from `since` on."""
        load, board = self._statistics.load, self._statistics.board
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
                "phase": "ended" if self._runner.state == STATE_STOPPED else board.phase,
                "audited": board.phase == "audit",
                "workers": [board.reporting(), self._workers()],
                "points": board.since(since),
                "faults": self._faults(load.run, board.zero_ns),
                "verdict": _verdict(load.run),
                "report": load.run.report.exists(),
            }
        )

    def _workers(self) -> int:
        return self._runner.worker_count if isinstance(self._runner, MasterRunner) else 1

    def _faults(self, run: RunDir, zero_ns: int | None) -> list[dict[str, Any]]:
        journal = run.events / "chaos.jsonl"
        if self._bands is None or self._bands[0] != journal:
            self._bands = (journal, Bands(journal))
        return [] if zero_ns is None else self._bands[1].read(zero_ns)


def _verdict(run: RunDir) -> str | None:
    try:
        return str(run.read_result()["verdict"]["status"]) if run.result.exists() else None
    except (HistoryError, KeyError):
        return None
