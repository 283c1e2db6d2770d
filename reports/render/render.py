"""Writes the files that people and CI read: report.html, charts, junit.xml, Markdown pages."""

from typing import Any

from gauntlet.core import run_directory
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.artifacts import artifacts, drawable_charts
from gauntlet.reports.damage import as_history_error
from gauntlet.reports.parts.processes import parallel
from gauntlet.reports.render import interactive, junit, pages, summary
from gauntlet.reports.render.charts import component_use
from gauntlet.reports.render.charts import data as chart_data
from gauntlet.reports.render.charts.data import ChartData
from gauntlet.reports.render.pages import Section
from gauntlet.reports.render.sections import SECTIONS, latency
from gauntlet.reports.render.sections.page import Page
from gauntlet.reports.verdict import guarantees


def render(run: RunDir, result: dict[str, Any]) -> list[str]:
    """Write every artifact to the run directory and return their file names."""
    manifest = run.read_manifest()
    seconds = len(result["series"].get("second", ()))
    data = chart_data.build(result, manifest, component_use.read(run, seconds) if seconds else None)
    page = Page(result, manifest, _pictures(run, data), data)
    run_directory.replace(run.report, html(page))
    run_directory.replace(run.path / "report.css", pages.style())
    run_directory.replace(run.junit, junit.document(result, manifest))
    run_directory.replace(run.summary, summary.document(result))
    if result["grades"]:
        run_directory.replace(run.path / "grade.md", guarantees.document(result))
    return artifacts(result)


def render_saved(run: RunDir) -> list[str]:
    """Render the result that was written before; HistoryError if it is damaged."""
    with as_history_error([run.path], "rendered"):
        return render(run, run.read_result())


def html(page: Page) -> str:
    """Return the report as one self-contained file."""
    run = page.result["run"]
    sections = [
        Section(name, name, found)
        for name, context in SECTIONS.items()
        if (found := context(page)) is not None
    ]
    data = interactive.of_run(page.charts) if page.charts and page.charts.series else None
    return pages.page(f"{run['scenario']} – {run['id']}", sections, {"run": run}, data)


def _pictures(run: RunDir, data: ChartData) -> dict[str, str]:
    """Write each chart to the run directory as PNG, and return them all as SVG markup."""
    names = drawable_charts(data.result)
    if not names:
        return {}
    # An extra, and importing matplotlib takes longer than all else that a command needs to start.
    from gauntlet.reports.render.charts import components, distribution, figures

    pictures: dict[str, str] = {}
    # Charts are independent of each other, and each takes a quarter of a second.
    drawn = parallel(figures.draw, names, data)
    for name, (png, pictures[name]) in zip(names, drawn, strict=True):
        run_directory.replace(run.path / f"{name}.png", png)
    rows = data.result["latency"]
    if "service" in rows:
        lines = {name: rows[kind]["run"] for name, kind in latency.PARTS.items()}
        pictures["distribution"] = distribution.markup(
            lines, "distribution", "Percentiles of response, service and lag over the whole run"
        )
    if data.components:
        pictures["components"] = components.markup(data)
    return pictures
