"""Makes pages of templates: one file each, complete without scripts, readable under any policy.

Content policies of CI servers forbid inline styles and scripts. The style is therefore both in the
page and in a file beside it, which such policies allow, and nothing but the zoom needs a script.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
LIBRARY = Path(__file__).parent / "vendor" / "uplot"
_HEADING = re.compile(r"<h2>(.*?)</h2>")


class Section(NamedTuple):
    """A section of a page: the id of its element, its template, and its context."""

    id: str
    template: str
    context: Mapping[str, Any]


def page(
    title: str,
    sections: Iterable[Section],
    shared: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
    css: str = "report.css",
    own: Path | None = None,
) -> str:
    """Return a page of sections; `data` is what the scripts draw.

    `css` is the name of the file beside the page that has the same style. `own` is a folder with
    further templates, and with the `style.css` that they need beside the style of all pages.
    """
    environment = _environment(own)
    parts = []
    for section in sections:
        template = environment.get_template(f"{section.template}.html")
        text = template.render(section=section.context, **shared)
        heading = _HEADING.search(text)
        # Rendered by a template, in which every text was escaped.
        title_of = Markup(heading[1] if heading else section.id)  # noqa: S704 - see above
        parts.append({"name": section.id, "title": title_of, "html": Markup(text)})  # noqa: S704 - see above
    return environment.get_template("page.html").render(
        title=title,
        css=css,
        style=Markup(style(own)),  # noqa: S704 - files of this package
        parts=parts,
        data=data,
        library=_own(LIBRARY / "uPlot.iife.min.js"),
        script=_own(TEMPLATES / "charts.js"),
    )


def style(own: Path | None = None) -> str:
    """Return the style of all pages, and of those with templates of their own."""
    files = [TEMPLATES / "style.css", LIBRARY / "uPlot.min.css"]
    return "".join(map(_own, [*files, *([own / "style.css"] if own else [])]))


@cache
def _environment(own: Path | None) -> jinja2.Environment:
    folders = [TEMPLATES] if own is None else [own, TEMPLATES]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["picture"] = _picture
    return environment


def _picture(markup: str) -> Markup:
    """Return a picture that scrolls where it is too wide for the screen.

    SVG made by matplotlib from numbers and escaped texts: the only markup that is not escaped.
    """
    return Markup('<div class="wide" tabindex="0" role="group" aria-label="Chart">{}</div>').format(
        Markup(markup)  # noqa: S704 - see above
    )


@cache
def _own(file: Path) -> Markup:
    """Return a file of this package."""
    return Markup(file.read_text(encoding="utf-8"))  # noqa: S704 - a file of this package
