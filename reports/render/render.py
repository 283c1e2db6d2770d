"""Writes the files that people and CI read: report.html, charts, junit.xml, Markdown pages."""

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gauntlet.core.run_directory import RunDir
from gauntlet.reports.artifacts import artifacts, drawable_charts
from gauntlet.reports.render import junit, summary
from gauntlet.reports.render.sections import SECTIONS
from gauntlet.reports.render.sections.page import Page
from gauntlet.reports.verdict import guarantees

TEMPLATES = Path(__file__).parent / "templates"


def render(run: RunDir, result: dict[str, Any]) -> list[str]:
    """Write every artifact to the run directory and return their file names."""
    pictures = _draw(run, result)
    page = Page(result, run.read_manifest(), pictures)
    run.report.write_text(html(page), encoding="utf-8")
    run.junit.write_text(junit.document(result, page.manifest), encoding="utf-8")
    run.summary.write_text(summary.document(result), encoding="utf-8")
    if result["grades"]:
        (run.path / "grade.md").write_text(guarantees.document(result), encoding="utf-8")
    return artifacts(result)


def _draw(run: RunDir, result: dict[str, Any]) -> dict[str, str]:
    """Write the charts of a result, and return their SVG by name."""
    names = drawable_charts(result)
    if not names:
        return {}
    # An extra, and importing matplotlib takes longer than all else that a command needs to start.
    from gauntlet.reports.render import plots

    pictures: dict[str, str] = {}
    for name in names:
        png, pictures[name] = plots.draw(name, result)
        (run.path / f"{name}.png").write_bytes(png)
    return pictures


def html(page: Page) -> str:
    """Return the report as one self-contained file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    # SVG made by matplotlib from numbers and escaped texts: the only markup that is not escaped.
    environment.filters["picture"] = Markup
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of this package
    sections = [
        (name, found) for name, context in SECTIONS.items() if (found := context(page)) is not None
    ]
    template = environment.get_template("page.html")
    return template.render(run=page.result["run"], style=style, sections=sections)
