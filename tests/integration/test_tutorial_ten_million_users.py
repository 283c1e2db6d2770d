"""The tutorial docs/tutorial/ten-million-users.md, executed."""

import pytest

from gauntlet.campaigns.capacity import record

from .tutorial_pages import TUTORIALS, follow, shell_in

EXAMPLE = "example-capacity.json"
TIMEOUT_S = 100.0


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_tutorial_ten_million_users(tmp_path):
    """Nothing on the page depends on the machine or the day."""
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / EXAMPLE).write_bytes((TUTORIALS / EXAMPLE).read_bytes())
    page = (TUTORIALS / "ten-million-users.md").read_text()
    assert f"]({EXAMPLE})" in page
    follow(page, folder, shell_in(folder, tmp_path / "bin", TIMEOUT_S))
    written = sorted(file.name for file in folder.glob("runs/plan/*/*"))
    assert written.count("plan.html") == 2
    assert written.count("scaling.html") == 2


def test_the_example_says_that_its_figures_are_made_up():
    example = record.read(TUTORIALS / EXAMPLE)
    assert "made up" in example.not_measured[0]
    assert example.runs == ()
