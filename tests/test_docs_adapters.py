"""The pages on adapters match the code."""

import re
from pathlib import Path

from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.reports.verdict import guarantees

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "reference" / "adapters.md").read_text()


def table_under(text, header):
    """Return the rows of the table with this header, as lists of cells."""
    rows = text[text.index(f"| {header} |") :].split("\n\n")[0].splitlines()[2:]
    rows = [row for row in rows if row.startswith("|")]  # the end of a generated part may follow
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def code_words(cell):
    """Return the texts in code quotes."""
    return re.findall(r"`([^`]+)`", cell)


def test_the_reference_describes_all_promises_and_grades():
    promises = {row[0]: tuple(code_words(row[1])) for row in table_under(PAGE, "promise")}
    assert promises == guarantees.ASPECTS
    assert dict(table_under(PAGE, "grade")) == guarantees.GRADES


def test_the_howto_names_the_template_and_the_capabilities():
    howto = (DOCS / "howto" / "your-own-system.md").read_text()
    assert "scenarios/adapters/_template.py" in howto
    assert {name for name in CAPABILITIES if f"`{name}`" in howto} >= set(CAPABILITIES) - {"heads"}
