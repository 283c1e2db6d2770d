"""The record as CSV."""

import csv
import io

import msgspec

from gauntlet.campaigns.capacity.outputs import table

from ...plan.example import capacity

FORMULA = '=HYPERLINK("http://x")'


def rows(record):
    return list(csv.DictReader(io.StringIO(table.text(record))))


def test_every_search_and_unit_cost_has_its_interval():
    record = capacity()
    found = rows(record)
    searched = [row for row in found if row["kind"] == "sustainable"]
    assert [row["what"] for row in searched] == [each.what for each in record.sustainable]
    costs = {(row["component"], row["resource"], row["per"]): row for row in found}
    for cost in record.unit_costs:
        row = costs[cost.component, cost.resource, "fixed"]
        assert float(row["value"]) == cost.fixed.value
        assert row["low"] == str(cost.fixed.low)


def test_no_text_of_a_record_is_a_formula():
    record = capacity()
    searched = msgspec.structs.replace(record.sustainable[0], limited_by=FORMULA)
    cost = msgspec.structs.replace(record.unit_costs[0], component=FORMULA)
    text = table.text(msgspec.structs.replace(record, sustainable=(searched,), unit_costs=(cost,)))
    cells = [each for row in csv.reader(io.StringIO(text)) for each in row]
    assert f"'{FORMULA}" in cells
    assert not [each for each in cells if each.startswith("=")]
