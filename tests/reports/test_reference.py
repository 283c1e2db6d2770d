"""The reference pages and the code contain the same names."""

import re
from pathlib import Path

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault, Scenario
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.reports.history import workers

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def first_cells(page, header):
    """Return the names in the first column of the table with that header."""
    text = (REFERENCE / page).read_text()
    table = text[text.index(f"| {header} |") :].split("\n\n")[0]
    rows = table.splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_check_is_documented_in_the_order_of_the_catalog():
    assert first_cells("checks.md", "check") == list(catalog.CHECKS)


def test_every_indicator_is_documented_in_the_order_of_the_catalog():
    assert first_cells("indicators.md", "indicator") == list(catalog.INDICATORS)


def test_every_window_of_a_scenario_with_a_fault_is_documented():
    fault = Fault(id="ID", kind="kill", target="edge", at=FixedTime(1))
    scenario = Scenario(version=1, name="x", about="x", faults=[fault])
    assert first_cells("indicators.md", "window") == scenario.windows()


def test_every_key_of_the_result_is_documented_and_every_documented_key_exists(judged):
    result = judged(good_story(1))
    assert set(first_cells("run-directory.md", "key")) == set(result)
    page = (REFERENCE / "run-directory.md").read_text()
    for part in ("run", "counts"):
        assert all(f"`{key}`" in page for key in result[part])
    row = {"kind": "worker", "worker": 0, "host": "h", "pid": 7, "step": "joined", "message": ""}
    (worker,) = workers.worker_table([row], {})
    assert all(f"`{key}`" in page for key in worker)
    for part in ("checks", "objectives", "windows"):
        assert all(f"`{key}`" in page for key in result[part][0])
