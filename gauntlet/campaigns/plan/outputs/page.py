"""The page of a plan: one self-contained file, complete without JavaScript."""

from pathlib import Path
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup, escape

from gauntlet.campaigns.plan.figures import Basis
from gauntlet.campaigns.plan.model import Plan
from gauntlet.campaigns.plan.outputs import drawing, text
from gauntlet.core.printable import printable

TEMPLATES = Path(__file__).parent / "templates"
_DIGEST_CHARACTERS = 16


def document(plan: Plan) -> str:
    """Return the page."""
    return (
        environment()
        .get_template("plan.html")
        .render(
            plan=plan,
            style=style(),
            back_curve=drawing.back_curve(plan.storm),
            growth_curve=drawing.growth_curve(plan),
            digest=digest(plan),
        )
    )


def minute(created_utc: str) -> str:
    """Return the time of a plan for a person: `2026-12-01 09:30 UTC`."""
    return f"{created_utc[:16].replace('T', ' ')} UTC"


def coded(sentence: str) -> Markup:
    """Return a sentence as markup, in which what stands between backticks is code."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:
        return escape(sentence)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part)
        for at, part in enumerate(parts)
    )


def digest(plan: Plan) -> str:
    """Return the beginning of the SHA-256 of a plan, to which a signature refers."""
    import hashlib

    return hashlib.sha256(msgspec.json.encode(plan)).hexdigest()[:_DIGEST_CHARACTERS]


def style() -> Markup:
    """Return the style of the pages of plans."""
    return Markup((TEMPLATES / "plan.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of this package


def environment() -> jinja2.Environment:
    """Return the environment of the templates, in which every text is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    filters: dict[str, Any] = {
        "figure": text.figure,
        "value": text.value,
        "interval": text.interval,
        "number": text.number,
        "factor": text.share_of,
        "input": text.input_value,
        "plain": printable,
        "change": text.change,
        "scalar": text.scalar,
        "minute": minute,
        "coded": coded,
    }
    made.filters.update(filters)
    made.globals.update(bar=drawing.bar, extrapolated=Basis.EXTRAPOLATED)
    return made
