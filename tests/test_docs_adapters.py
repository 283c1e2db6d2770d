"""docs/reference/adapters.md and the howtos name what the code has."""

import re
from pathlib import Path

from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.reports.verdict import guarantees

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "reference" / "adapters.md").read_text()


def table(text, header):
    """The rows of the table under that header, as lists of cells."""
    rows = text[text.index(f"| {header} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def words(cell):
    """What stands in code quotes."""
    return re.findall(r"`([^`]+)`", cell)


def test_the_grade_is_documented():
    """Its promises with their checks, and its letters with their meanings."""
    assert {row[0]: tuple(words(row[1])) for row in table(PAGE, "promise")} == guarantees.ASPECTS
    assert dict(table(PAGE, "grade")) == guarantees.GRADES


def test_the_howto_shows_the_template():
    """The steps are about the file that is there."""
    howto = (DOCS / "howto" / "your-own-system.md").read_text()
    assert "scenarios/adapters/_template.py" in howto
    assert {name for name in CAPABILITIES if f"`{name}`" in howto} >= set(CAPABILITIES) - {"heads"}
