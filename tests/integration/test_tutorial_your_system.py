"""The tutorial docs/tutorial/your-system.md, executed from a wheel in an empty folder.

The page is the test: files are written and commands are executed as the page shows them, in its
order. Only the installation is that of the fixture, and the port is a free one.
"""

import contextlib
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from gauntlet.stacks.free_port import free_port

from .test_installed_wheel import installed
from .tutorial_pages import TUTORIALS, Command, add_command, blocks, follow

__all__ = ["installed"]  # a fixture

pytestmark = [pytest.mark.integration, pytest.mark.ci]

PAGE = (TUTORIALS / "your-system.md").read_text()
PORT = "18883"
INSTALLATION = ["python3 -m venv venv", ". venv/bin/activate", "pip install 'im-gauntlet[charts]'"]
# The slow part begins here: it restarts the broker under load.
SLOW_PART = "\n## 5 "
TIMEOUT_S = 300.0


@pytest.fixture
def reader(tmp_path, installed, require_service):
    """`reader(page)` does what a page says; the broker that it starts is stopped at the end."""
    require_service("mosquitto")
    tools = add_command(tmp_path / "bin", installed.python)
    folder = tmp_path / "empty"
    folder.mkdir()
    path = os.pathsep.join([str(tools), str(installed.bin), os.environ["PATH"], "/usr/sbin"])

    def shell(command):
        return installed.run("bash", "-c", command, cwd=folder, timeout_s=TIMEOUT_S, PATH=path)

    def read(page):
        follow(page.replace(PORT, str(free_port())), folder, shell, INSTALLATION)

    yield read
    stop_broker(folder / "mosquitto.pid")


def stop_broker(pid_file: Path) -> None:
    """End the broker that a page started and did not stop."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("page", "verdicts"),
    [
        pytest.param(PAGE.partition(SLOW_PART)[0], 2, id="to-the-network"),
        pytest.param(PAGE, 5, id="whole", marks=pytest.mark.full),
    ],
)
@pytest.mark.timeout(1200)
def test_the_page_can_be_followed_from_an_empty_folder(reader, page, verdicts):
    assert len(re.findall(r"^(?:PASS|FAIL)  exit \d$", page, re.MULTILINE)) == verdicts
    reader(page)


def test_the_replaced_installation_is_that_of_the_page():
    texts = [step.text for step in blocks(PAGE) if isinstance(step, Command)]
    assert texts[: len(INSTALLATION)] == INSTALLATION
    assert shutil.which("openssl")
