"""The table for spreadsheets."""

import csv
import io

from gauntlet.campaigns.plan.outputs import sheet

from ..planned import FORMULA, hostile, planned, with_prices


def rows(plan):
    return list(csv.DictReader(io.StringIO(sheet.document(plan))))


def test_a_hostile_plan_has_no_formula_in_any_cell():
    cells = [cell for row in csv.reader(io.StringIO(sheet.document(hostile()))) for cell in row]
    assert any(FORMULA in cell for cell in cells)
    for cell in cells:
        try:
            float(cell)
        except ValueError:
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_every_figure_has_its_interval_and_says_what_it_rests_on():
    found = {(row["section"], row["name"]): row for row in rows(with_prices())}
    edge = found["tier", "edge: needed"]
    assert float(edge["low"]) <= float(edge["value"]) <= float(edge["high"])
    assert (edge["basis"], float(edge["beyond_measured"]) > 1) == ("extrapolated", True)
    assert found["cost", "total"]["unit"] == "EUR a month"
    assert found["evidence", "runs/one"]["value"] == "cd" * 32
    assert found["input", "users"]["basis"] == "given"
    assert found["input", "peak_factor"]["basis"] == "assumed"


def test_every_row_fits_the_header():
    for plan in (planned(), with_prices(), planned(zones=1), hostile()):
        assert all(None not in row for row in rows(plan))
