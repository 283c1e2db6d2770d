"""How charts look, and how a figure becomes a PNG and the markup of a page.

Series have the colours of Okabe and Ito (https://jfly.uni-koeln.de/color/), which can be
distinguished with any colour vision, and lines also differ in style. The colours of the SVG markup
are CSS variables, so that the page decides on light or dark; the PNG is the same chart on white.

The markup has no `style` attributes or elements, because content policies forbid them: CI servers
serve reports under one. A presentation attribute does the same, and each variable has the colour of
the light page to fall back on.
"""

import html
import io
import re

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, GRID, BAND = "#1b1f24", "#667080", "#d9dee5", "#c2410c"
BLUE, GREEN, VERMILION, PURPLE = "#0072b2", "#009e73", "#d55e00", "#8e4b80"
ORANGE, SKY = "#b87a00", "#3a8fc4"
# The CSS variables that replace these colours in the SVG markup; style.css defines them.
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    BAND: "--band",
    BLUE: "--blue",
    GREEN: "--green",
    VERMILION: "--vermilion",
    PURPLE: "--purple",
    ORANGE: "--orange",
    SKY: "--sky",
}
WIDTH_IN = 10.6
STYLE = mpl.RcParams(
    {
        "svg.fonttype": "none",
        "text.parse_math": False,  # a name with two dollars is no formula
        "svg.hashsalt": "gauntlet",  # makes the ids, and so the file, reproducible
        "path.simplify_threshold": 0.2,  # of a pixel: leaves out what no screen shows
        "font.size": 9.5,
        "text.color": INK,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": GRID,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
    }
)
_STYLE_ATTRIBUTE = re.compile(r' style="([^"]*)"')
# What `font` of CSS states in one property, as matplotlib writes it: `12px 'Family', sans-serif`.
_FONT = re.compile(r"(?:(?P<weight>bold|\d+) )?(?P<size>[\d.]+px) .*")
# What no SVG presentation attribute has, and the fonts, which the page chooses.
_NO_ATTRIBUTES = {"white-space", "text-align", "font-family"}


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, on white."""
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def markup(figure: Figure, name: str, label: str) -> str:
    """Return a figure as an <svg> element; `label` says what it shows, for screen readers."""
    content = io.StringIO()
    figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    return for_page(content.getvalue(), name, label)


def for_page(svg: str, name: str, label: str) -> str:
    """Return the <svg> element: without a fixed size, with unique ids, CSS variables as colours."""
    found = svg[svg.index("<svg") :]
    found = re.sub(r"<metadata>.*?</metadata>", "", found, flags=re.DOTALL)
    found = re.sub(r"<style[^>]*>.*?</style>", "", found, flags=re.DOTALL)
    found = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", found, count=1)
    found = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", found, count=1)
    found = re.sub(r'xmlns(:xlink)?="[^"]*"', "", found)
    found = _STYLE_ATTRIBUTE.sub(_attributes, found)
    # Ids are unique within one chart only, but a page has several charts.
    found = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", found)
    for colour, variable in VARIABLES.items():
        found = found.replace(colour, f"var({variable}, {colour})")
    shown = html.escape(label, quote=True)
    head = f'<svg role="img" aria-label="{shown}" font-family="sans-serif" '
    head += 'stroke-linejoin="round" stroke-linecap="butt" '
    return found.replace("<svg ", head, 1)


def _attributes(style: re.Match[str]) -> str:
    """Return the declarations of a `style` attribute as attributes of SVG."""
    found: dict[str, str] = {}
    for declaration in html.unescape(style[1]).split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            if font := _FONT.fullmatch(value):
                found["font-size"] = font["size"]
                found |= {"font-weight": font["weight"]} if font["weight"] else {}
        elif name and name not in _NO_ATTRIBUTES and not name.startswith("-"):
            found[name] = value
    return "".join(f' {name}="{html.escape(value)}"' for name, value in found.items())
