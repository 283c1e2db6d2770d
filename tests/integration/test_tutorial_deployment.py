"""The tutorial docs/tutorial/deployment.md, executed."""

import re

import pytest

from .tutorial_pages import TUTORIALS, follow, shell_in

pytestmark = pytest.mark.integration

PAGE = (TUTORIALS / "deployment.md").read_text()
STORM, OWN_SYSTEM = "\n## 4 ", "\n## 5 "
TIMEOUT_S = 600.0


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
    assert re.findall(r"^(?:PASS|FAIL)  exit \d$", page, re.MULTILINE) == [
        "PASS  exit 0",
        "FAIL  exit 1",
    ]
    reader(page)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_tutorial_deployment_the_storm(reader):
    files = PAGE.partition("```console")[0]
    reader(files + STORM + PAGE.partition(STORM)[2].partition(OWN_SYSTEM)[0])


def test_tutorial_deployment_your_own_system(reader):
    """Nothing is started: the scenario is printed, and commands are refused."""
    reader(PAGE.partition(OWN_SYSTEM)[2])
