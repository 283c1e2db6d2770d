"""The tutorial docs/tutorial/deployment.md, executed."""

import re

import pytest

from .tutorial_pages import TUTORIALS, Command, blocks, follow, shell_in

pytestmark = pytest.mark.integration

PAGE = (TUTORIALS / "deployment.md").read_text()
STORM = "\n## 4 "
TIMEOUT_S = 300.0


def shorter(page: str) -> str:
    """Return the page with a shorter load, which sends other numbers of messages."""
    return re.sub(r"\b\d,\d{3}\b", "…", page.replace("steady: 30s", "steady: 20s"))


@pytest.fixture
def reader(tmp_path, require_service):
    """`reader(page)` does what a page says in an empty folder."""
    require_service("redis")
    folder = tmp_path / "empty"
    folder.mkdir()
    shell = shell_in(folder, tmp_path / "bin", TIMEOUT_S)
    return lambda page: follow(page, folder, shell)


@pytest.mark.ci
@pytest.mark.timeout(400)
def test_tutorial_deployment_from_the_cutover_to_the_bug_in_its_drain(reader):
    page = PAGE.partition(STORM)[0]
    outputs = "".join(step.output for step in blocks(page) if isinstance(step, Command))
    assert re.findall(r"^(?:PASS|FAIL)  exit \d$", outputs, re.MULTILINE) == [
        "PASS  exit 0",
        "FAIL  exit 1",
    ]
    reader(shorter(page))


def test_tutorial_deployment_without_a_load(reader):
    """Nothing is started: faults and a scenario are printed, and commands are refused."""
    files = PAGE.partition("```console")[0]
    reader(files + STORM + PAGE.partition(STORM)[2])
